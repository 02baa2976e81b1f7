"""BullMQ's job options: how they are written into a job, and what a job of any producer says with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Retention = bool | int | Mapping[str, int]


def exponential(delay_ms: int) -> dict[str, Any]:
    """Waits of ``delay_ms``, twice that, four times that …"""
    return {"type": "exponential", "delay": delay_ms}


def fixed(delay_ms: int) -> dict[str, Any]:
    """The same wait before each attempt."""
    return {"type": "fixed", "delay": delay_ms}


def backoff_ms(opts: Mapping[str, Any], attempt: int) -> int:
    """How long to wait after this failed attempt (1 for the first), as BullMQ computes it: never jittered by default.

    A backoff given as a number is fixed. Raises ValueError for a type that this side does not know.
    """
    backoff = opts.get("backoff") or 0
    if isinstance(backoff, int | float):
        return int(backoff)
    delay = int(backoff.get("delay") or 0)
    match backoff.get("type"):
        case "fixed":
            return delay
        case "exponential":
            return int(delay * 2 ** (attempt - 1))
        case unknown:
            raise ValueError(f"no backoff of type {unknown!r}; known types: fixed, exponential")


def attempts(opts: Mapping[str, Any]) -> int:
    """The limit of runs; BullMQ's 0 means one."""
    return max(int(opts.get("attempts") or 1), 1)


def keep_jobs(retention: Retention | None) -> dict[str, int]:
    """``removeOnComplete`` or ``removeOnFail`` in the form of the finish script: {count, age in seconds}."""
    match retention:
        case None | False:
            return {"count": -1}
        case True:
            return {"count": 0}
        case int():
            return {"count": retention}
        case _:
            return dict(retention)
