"""What the engine tells of each job to whoever keeps the record, before it becomes true in Redis.

The ledger implements it; entry modules inject it: ``BullMQBroker(recorder=…)``. A broker without one works alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct


@dataclass(frozen=True, slots=True)
class Parent:
    """The job that waits for a child. ``queue_key`` is its queue's key without the last colon."""

    id: str
    queue_key: str

    @property
    def key(self) -> str:
        """The parent's own key."""
        return f"{self.queue_key}:{self.id}"


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job about to be added. ``added_ms`` is its BullMQ timestamp: with queue and id it names the job for ever."""

    queue: str
    id: str
    name: str
    data: Mapping[str, Any]
    added_ms: int
    attempts: int = 1
    delay_ms: int = 0
    priority: int = 0
    opts: Mapping[str, Any] = field(default_factory=dict)  # BullMQ's options, under their documented names
    promise_key: str | None = None  # a promise made twice under one key is one job
    parent: Parent | None = None
    has_children: bool = False  # it waits for them
    attempts_made: int = 0  # added again after a loss: what is behind it
    crashes: int = 0


class Claim(Struct, frozen=True):
    """One claimed execution of a job."""

    queue: str
    id: str
    added_ms: int
    name: str
    data: Any  # the decoded JSON; anything that a foreign producer wrote
    worker: str
    claimed_ms: int
    attempt: int  # 1 for the first run
    attempts: int  # the limit
    crashes: int  # times a worker died with it
    deferred_failure: str | None  # a keeper's verdict: the job must fail with this reason instead of running
    opts: Mapping[str, Any]
    stacktrace: tuple[str, ...] = ()  # of earlier attempts
    claims: int = 1  # times it was claimed, this one included
    broken_parent: str = ""  # why its fields of a parent name none: BullMQ's script could not end it with them


class Start(Struct, frozen=True):
    """Run it, under this number. ``row`` names the record, ``checkpoint`` is what earlier runs have finished."""

    row: int
    run: int
    checkpoint: Any = None


class EndKind(StrEnum):
    """How a run ended. Only COMPLETED and FAILED end the job."""

    COMPLETED = "completed"
    FAILED = "failed"
    RETRYING = "retrying"
    PARKED = "parked"
    RELEASED = "released"  # handed back at shutdown


class End(Struct, frozen=True):
    """The end of one run. ``start`` is None without a recorder; ``recorded`` says an effect has already written it."""

    claim: Claim
    start: Start | None
    kind: EndKind
    started_ms: int
    ended_ms: int
    return_value: Any = None
    reason: str = ""
    stacktrace: str = ""
    due_ms: int = 0  # RETRYING and PARKED: when it runs again
    recorded: bool = False
    cancelled: bool = False  # FAILED because somebody cancelled it


class Ended(Struct, frozen=True):
    """The record says that this job has ended: settle it so in Redis, do not run it."""

    kind: EndKind  # COMPLETED or FAILED
    return_value: Any = None
    reason: str = ""


Verdict = Start | Ended


class RecorderUnavailable(Exception):
    """The record cannot be reached now: the engine waits, and claims nothing meanwhile."""


class Recorder(Protocol):
    """Every method may raise RecorderUnavailable, and is then called again with the same jobs."""

    def before_add(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Write the promises; return those to add now (a promise that was made before is not made twice)."""

    def added(self, jobs: Sequence[NewJob]) -> None:
        """These adds are confirmed by Redis."""

    def not_added(self, jobs: Sequence[NewJob]) -> None:
        """Redis holds another job in the place of each of these: their promises end."""

    def claimed(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        """Number the runs; one verdict per claim, in order. A job seen for the first time gets its record now."""

    def before_settle(self, ends: Sequence[End], confirmed: Sequence[End] = ()) -> Sequence[bool]:
        """Write the ends; False for a run that no longer owns its job, which the engine then drops.

        ``confirmed`` are ends of before that Redis has confirmed since, as in ``settled``.
        """

    def settled(self, ends: Sequence[End]) -> None:
        """These COMPLETED and FAILED ends are confirmed by Redis."""

    def before_remove(self, queue: str, job_ids: Sequence[str]) -> None:
        """These jobs are about to be removed on purpose."""

    def before_setting(self, queue: str, name: str, value: Any) -> None:
        """This setting of the queue is about to change; its value is JSON, None when it is taken back."""

    def before_cancel(self, queue: str, job_id: str, reason: str) -> None:
        """This job is about to be ended on purpose, whether it waits or runs."""

    def before_retry(self, queue: str, job_ids: Sequence[str]) -> None:
        """These ended jobs are about to be run again on purpose: their records open again."""
