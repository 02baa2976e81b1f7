"""The job that this thread is running."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from app.broker.recorder import Claim, Start


class JobWriter(Protocol):
    """What a running job may write of itself; a Queue is one."""

    def update_progress(self, job_id: str, progress: Any) -> None:
        """Replace the progress, and tell listeners."""

    def update_data(self, job_id: str, data: Any) -> None:
        """Replace the data."""

    def log(self, job_id: str, line: str, keep: int | None = None) -> int:
        """Add a line, of which the newest ``keep`` stay; returns how many there are."""


@dataclass(slots=True)
class RunningJob:
    """One run of a job, as its actor sees it.

    ``start`` is None where nobody keeps a record. ``recorded`` is set by whoever wrote the run's end in SQL together
    with its effect: the engine then writes only Redis.
    """

    claim: Claim
    start: Start | None
    writer: JobWriter
    started_ms: int
    recorded: bool = False

    @property
    def id(self) -> str:
        """The job's id within its queue."""
        return self.claim.id

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self.claim.queue

    def update_progress(self, progress: Any) -> None:
        """Replace the job's progress (a number or a JSON object); QueueEvents listeners see it."""
        self.writer.update_progress(self.claim.id, progress)

    def update_data(self, data: Any) -> None:
        """Replace the job's data for later runs."""
        self.writer.update_data(self.claim.id, data)

    def log(self, line: str) -> int:
        """Add a line to the job's log; returns how many lines it has. BullMQ's ``keepLogs`` bounds them."""
        return self.writer.log(self.claim.id, line, self.claim.opts.get("keepLogs"))


#: A context variable, not a thread's: an async actor runs in the event loop's thread, in a copy of this context.
_running: ContextVar[RunningJob | None] = ContextVar("running job", default=None)


def current_job() -> RunningJob:
    """The job of this thread, or of this task; LookupError outside an actor."""
    job = _running.get()
    if job is None:
        raise LookupError("no job is running in this thread: call current_job() inside an actor")
    return job


def set_current_job(job: RunningJob | None) -> None:
    """Called by the engine around each run."""
    _running.set(job)
