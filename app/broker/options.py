"""BullMQ's job options: how they are written into a job, and what a job of any producer says with them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

Retention = bool | int | Mapping[str, int]

#: BullMQ keeps these under shorter names in the job.
SHORT = {
    "deduplication": "de",
    "failParentOnFailure": "fpof",
    "continueParentOnFailure": "cpof",
    "ignoreDependencyOnFailure": "idof",
    "removeDependencyOnFailure": "rdof",
    "keepLogs": "kl",
}
LONG = {short: long for long, short in SHORT.items()}

#: A job that is tried for ever must not wait for a number without end.
MOST_DOUBLINGS = 32

#: Waits by name, for jobs whose backoff is neither fixed nor exponential: attempt (1 for the first) -> ms.
Backoffs = Mapping[str, Callable[[int], int]]


def exponential(delay_ms: int) -> dict[str, Any]:
    """Waits of ``delay_ms``, twice that, four times that …"""
    return {"type": "exponential", "delay": delay_ms}


def fixed(delay_ms: int) -> dict[str, Any]:
    """The same wait before each attempt."""
    return {"type": "fixed", "delay": delay_ms}


def shortened(opts: Mapping[str, Any]) -> dict[str, Any]:
    """The options as they stand in a job; those that say nothing (None, 0, False) are left out."""
    return {SHORT.get(name, name): value for name, value in opts.items() if value not in (None, 0)}


def lengthened(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The options as they are documented."""
    if LONG.keys().isdisjoint(stored):
        return dict(stored)
    return {LONG.get(name, name): value for name, value in stored.items()}


def backoff_ms(opts: Mapping[str, Any], attempt: int, custom: Backoffs | None = None) -> int:
    """How long to wait after this failed attempt (1 for the first), as BullMQ computes it: never jittered by default.

    A backoff given as a number is fixed; ``jitter`` (0 to 1) takes away up to that part; ``maxDelay`` (ours; Node
    ignores it) bounds an exponential one. Raises ValueError for a type that is not known here.
    """
    backoff = opts.get("backoff") or 0
    if isinstance(backoff, int | float):
        return int(backoff)
    delay = int(backoff.get("delay") or 0)
    jitter = float(backoff.get("jitter") or 0)
    match backoff.get("type"):
        case "fixed":
            return _jittered(delay, jitter)
        case "exponential":
            grown = delay * 2 ** min(attempt - 1, MOST_DOUBLINGS)
            return _jittered(min(grown, int(backoff.get("maxDelay") or grown)), jitter)
        case name if custom and name in custom:
            return custom[name](attempt)
        case unknown:
            known = ", ".join(["fixed", "exponential", *(custom or ())])
            raise ValueError(f"no backoff of type {unknown!r}; known types: {known}")


def _jittered(delay_ms: int, jitter: float) -> int:
    if not jitter:
        return delay_ms
    least = delay_ms * (1 - min(jitter, 1))
    return int(random.uniform(least, delay_ms))  # noqa: S311 - spreads load, guards nothing


def attempts(opts: Mapping[str, Any]) -> int:
    """The limit of runs; BullMQ's 0 means one, and so does what is no number."""
    return max(_whole(opts.get("attempts")) or 1, 1)


def keep_jobs(retention: Retention | None) -> dict[str, int]:
    """``removeOnComplete`` or ``removeOnFail`` in the form of the finish script: {count, age in seconds}.

    What a foreign producer wrote and is no retention keeps all.
    """
    match retention:
        case True:
            return {"count": 0}
        case int() if retention is not False:
            return {"count": retention}
        case Mapping():
            return {name: number for name, value in retention.items() if (number := _whole(value)) is not None}
        case _:
            return {"count": -1}


def _whole(value: Any) -> int | None:
    """The number, if it is one: options may be anybody's."""
    try:
        return int(value) if isinstance(value, int | float) else None
    except (ValueError, OverflowError):  # not finite
        return None
