"""What a producer may say of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from app.broker.options import Retention


class JobOptions(TypedDict, total=False):
    """All optional; the names are BullMQ's, in snake case and with their units."""

    delay_ms: int
    #: 0 comes before all others, then 1, 2 …
    priority: int
    #: 1 where it is not given: the first run counts.
    attempts: int
    backoff: Mapping[str, Any] | int | None
    remove_on_complete: Retention | None
    remove_on_fail: Retention | None
    #: BullMQ's {id, ttl, extend, replace, keepLastIfActive}.
    deduplication: Mapping[str, Any] | None
    lifo: bool
    #: Further BullMQ options, under their documented names.
    opts: Mapping[str, Any] | None


DOCUMENTED = {
    "delay_ms": "delay",
    "priority": "priority",
    "attempts": "attempts",
    "backoff": "backoff",
    "remove_on_complete": "removeOnComplete",
    "remove_on_fail": "removeOnFail",
    "deduplication": "deduplication",
    "lifo": "lifo",
}


def documented(options: JobOptions) -> dict[str, Any]:
    """The options under BullMQ's documented names; those that say nothing are left out.

    Raises TypeError for one that is not known here.
    """
    opts: dict[str, Any] = {"attempts": 1}
    for option, value in options.items():
        if option == "opts":
            continue
        if option not in DOCUMENTED:
            raise TypeError(f"a job has no option {option!r}; it has {', '.join(DOCUMENTED)}, and more in opts")
        opts[DOCUMENTED[option]] = value
    opts.update(options.get("opts") or {})
    return {name: value for name, value in opts.items() if value not in (None, 0)}
