"""One reason, as a word, a sentence and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What keeps a job from running, in the order in which reasons are given."""

    ENDED = "ended"
    REMOVED = "removed"
    RUNNING = "running"
    STALLED = "stalled"  # its worker holds it no more; another gets it
    NOT_ADDED = "not-added"  # promised, and Redis is not known to have it
    CHILDREN = "waits-for-children"
    PARKED = "parked"
    RETRY = "waits-for-retry"
    DELAYED = "delayed"
    DUE = "due"  # its delay is over; the next claim of a worker takes it along
    EMERGENCY_STOP = "emergency-stop"
    PAUSED = "queue-paused"
    NO_WORKER = "no-worker"
    RATE_LIMIT = "rate-limit-full"
    GLOBAL_CONCURRENCY = "global-concurrency-full"
    CONCURRENCY = "concurrency-full"
    AHEAD = "jobs-ahead"
    NEXT = "next"  # nothing is in its way


@dataclass(frozen=True, slots=True)
class Reason:
    """``text`` is for anybody who may see the job; ``by`` and ``said`` are an operator's: who it was, and why."""

    kind: Kind
    text: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    by: str | None = None
    said: str | None = None


def clock(at: datetime) -> str:
    """A moment in a sentence."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")
