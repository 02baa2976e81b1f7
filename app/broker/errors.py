"""What can go wrong between a caller and a queue, and what an actor can say of its own run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dramatiq.errors import Retry as DramatiqRetry
from dramatiq.middleware import MiddlewareError, SkipMessage


class BrokerError(Exception):
    """The root of this package's errors."""


class QueueNotFound(BrokerError):
    """No queue has this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no queue named {name!r}; known queues: {', '.join(known) or 'none'}")


class JobNotFound(BrokerError):
    """No job has this id; ``queue`` None if every queue was asked."""

    def __init__(self, queue: str | None, job_id: str) -> None:
        super().__init__(f"no job {job_id!r} in " + (f"queue {queue!r}" if queue else "any queue"))


class JobLocked(BrokerError):
    """A worker holds this job."""

    def __init__(self, queue: str, job_id: str) -> None:
        super().__init__(f"job {job_id!r} in queue {queue!r} is running; wait for its end, or cancel it")


class WrongState(BrokerError):
    """The job is not where this can be done with it."""

    def __init__(self, queue: str, job_id: str, state: str | None, wanted: str) -> None:
        super().__init__(f"job {job_id!r} in queue {queue!r} is {state or 'gone'}; it must be {wanted}")


class NextOfScheduler(BrokerError):
    """The job is the one that its scheduler adds the next after."""

    def __init__(self, job_id: str, scheduler_id: str) -> None:
        super().__init__(f"job {job_id!r} is the next of scheduler {scheduler_id!r}: remove that or cancel it")


class JobFailed(BrokerError):
    """The job that somebody waited for has failed."""

    def __init__(self, queue: str, job_id: str, reason: str) -> None:
        super().__init__(f"job {job_id!r} in queue {queue!r} failed: {reason}")
        self.reason = reason


class InvalidName(BrokerError, ValueError):
    """BullMQ's keys would be ambiguous with this name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name!r} must not be empty or hold a colon; use a hyphen")


class TooFewThreads(BrokerError, MiddlewareError):
    """A worker's queues may hold more jobs than it has threads. Dramatiq lets only a MiddlewareError end the boot."""

    def __init__(self, queues: Sequence[str], wanted: int, threads: int) -> None:
        super().__init__(
            f"the queues {', '.join(queues)} may run {wanted} jobs at once, but this worker has {threads} threads: "
            f"start it with --threads {wanted}"
        )


class LeaseLost(BrokerError):
    """The job was ended, or is being run, by somebody else: this run's effects must not count."""

    def __init__(self, queue: str, job_id: str, run: int) -> None:
        super().__init__(f"run {run} of job {job_id!r} in queue {queue!r} no longer owns it: its effect is dropped")


class Unrecoverable(Exception):
    """Raised by an actor: the job fails now, whatever attempts are left."""


class Retry(DramatiqRetry):
    """Raised by an actor: run again after this delay, using an attempt. Being Dramatiq's, it is logged quietly."""

    def __init__(self, delay_ms: int, reason: str = "asked to retry") -> None:
        super().__init__(reason, delay=delay_ms)
        self.delay_ms = delay_ms


class Park(SkipMessage):
    """Raised by an actor: run again at a given time, using no attempt and holding no thread.

    It passes through Dramatiq as a skipped message, so no failure callback fires. It is an ``Exception``: an
    ``except Exception`` around a part of a job must let it pass.
    """

    def __init__(self, until: datetime, reason: str = "parked") -> None:
        if until.tzinfo is None:
            raise ValueError(f"naive datetime {until!r}: give it a time zone")
        super().__init__(f"{reason}, until {until.isoformat(timespec='milliseconds')}")
        self.until = until
        self.reason = reason


class RateLimited(SkipMessage):
    """Raised by an actor: whoever it called wants to be left alone so long; run again then, using no attempt."""

    def __init__(self, wait_ms: int, reason: str = "rate limited") -> None:
        super().__init__(f"{reason}, for {wait_ms} ms")
        self.wait_ms = wait_ms
