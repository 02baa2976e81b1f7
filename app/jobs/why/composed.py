"""The reasons of one job, put together from where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from app.broker.errors import JobNotFound
from app.broker.job import Job
from app.broker.queue import Queue
from app.clock import from_ms
from app.jobs.engine import job_of
from app.jobs.why import line, postponed
from app.jobs.why.blockers import lasting, passing
from app.jobs.why.reason import Kind, Reason, clock
from app.models.job_status import JobStatus, Status


def why(session: Session, queue: Queue, job_id: str, row: JobStatus | None) -> list[Reason]:
    """Why that job has not run yet, or that it has; ``row`` is its newest in the ledger. Raises JobNotFound.

    A job that waits for a moment, or for its children, is told only what would hold it up for good as well.
    """
    now = from_ms(queue.now_ms())
    job = job_of(queue, job_id)
    state = job.state() if job else None
    if row is not None and row.ended_at is not None and (state is None or row.settled_at is None):
        return [_ended(row)]
    if job is None or state is None:
        if row is None:
            raise JobNotFound(queue.name, job_id)
        return [_not_added(row), *lasting(session, queue)]
    if state in ("completed", "failed"):
        return [_ended(row) if row and row.ended_at else _ended_in_redis(job, state)]
    if state == "active":
        return [_running(queue, job)]
    return list(_not_started(session, queue, job, state, now))


def _not_started(session: Session, queue: Queue, job: Job, state: str, now: datetime) -> Iterator[Reason]:
    held = list(lasting(session, queue))
    if state == "waiting-children":
        yield postponed.children(queue, job.id)
    elif state == "delayed":
        yield postponed.delayed(session, queue, job, now)
    if state not in ("waiting", "prioritized"):
        yield from held
        return
    full = list(passing(queue, now))
    yield from held
    yield from full
    before = line.ahead(queue, job.id, state)
    if before:
        yield line.reason(session, queue, before, is_held=bool(held))
    elif not held and not full:
        yield Reason(Kind.NEXT, "nothing is in its way: the next free worker takes it")


def _ended(row: JobStatus) -> Reason:
    assert row.ended_at is not None  # noqa: S101 - narrows the type
    numbers = {"status": row.status, "at": row.ended_at, "attempts": row.attempts_made, "of": row.attempts}
    if row.status == Status.REMOVED:
        because = f": {row.error}" if row.error else ""
        return Reason(Kind.REMOVED, f"it was removed at {clock(row.ended_at)}{because}", numbers)
    return Reason(Kind.ENDED, f"it has ended: {row.status} at {clock(row.ended_at)}", numbers)


def _ended_in_redis(job: Job, state: str) -> Reason:
    at = from_ms(job.finished_on or job.timestamp)
    return Reason(Kind.ENDED, f"it has ended: {state} at {clock(at)}", {"status": state, "at": at})


def _running(queue: Queue, job: Job) -> Reason:
    since = from_ms(job.processed_on or job.timestamp)
    worker = job.processed_by or "a worker without a name"
    numbers = {"worker": job.processed_by, "since": since}
    if not queue.redis.exists(queue.keys.lock(job.id)):
        text = f"{worker} took it at {clock(since)} and holds it no more; another worker gets it within 15 s"
        return Reason(Kind.STALLED, text, numbers)
    return Reason(Kind.RUNNING, f"it runs on {worker} since {clock(since)}", numbers)


def _not_added(row: JobStatus) -> Reason:
    numbers = {"promised": row.queued_at, "confirmed": row.confirmed_at, "repairs": row.repairs}
    if row.confirmed_at is None:
        text = f"it was promised at {clock(row.queued_at)} and is not added yet; the producer does it within 30 s"
    else:
        text = "Redis has it no more; the producer finds out whether it was lost, and then adds it again"
    return Reason(Kind.NOT_ADDED, text, numbers)
