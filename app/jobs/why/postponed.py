"""A job that waits for a moment, or for other jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.broker.job import Job
from app.broker.queue import Queue
from app.broker.recorder import EndKind
from app.clock import from_ms
from app.jobs.why.reason import Kind, Reason, clock
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus

#: A score of the delayed is the due time in ms times this, plus a counter.
DUE_STEP = 0x1000
MOST_CHILDREN = 20


def delayed(session: Session, queue: Queue, job: Job, now: datetime) -> Reason:
    """Until when, and for what: a budget, a retry, or as it was asked for."""
    score = queue.redis.zscore(queue.keys["delayed"], job.id)
    until = from_ms(int(score or 0) // DUE_STEP)
    last = _last_attempt(session, queue, job)
    numbers: dict[str, Any] = {"until": until, "attempt": job.attempts_made + 1, "of": _attempts(job)}
    if until <= now:
        return Reason(Kind.DUE, f"it was due at {clock(until)}: a worker's next claim takes it along", numbers)
    if last is not None and last.kind == EndKind.PARKED:
        text = f"it waits until {clock(until)}: {last.error or 'parked'}; no attempt is used"
        return Reason(Kind.PARKED, text, {**numbers, "for": last.error})
    if job.attempts_made:
        text = f"attempt {job.attempts_made + 1} of {_attempts(job)} starts at {clock(until)}"
        return Reason(Kind.RETRY, text, {**numbers, "error": job.failed_reason})
    return Reason(Kind.DELAYED, f"it is delayed until {clock(until)}", numbers)


def children(queue: Queue, job_id: str) -> Reason:
    """Which jobs it waits for: some of them, and how many there are."""
    key = f"{queue.keys[job_id]}:dependencies"
    count = queue.redis.scard(key)
    some = cast("list[str]", queue.redis.srandmember(key, MOST_CHILDREN))
    named = [{"queue": child.split(":")[-2], "id": child.split(":")[-1]} for child in sorted(some)]
    names = ", ".join(f"{child['queue']}/{child['id']}" for child in named)
    text = f"it waits for {count} job{'s' if count != 1 else ''}: {names}{' …' if count > len(named) else ''}"
    return Reason(Kind.CHILDREN, text, {"count": count, "children": named})


def _last_attempt(session: Session, queue: Queue, job: Job) -> JobAttempt | None:
    mine = (JobStatus.job_id == job.id, JobStatus.queue == queue.name, JobStatus.added_ms == job.timestamp)
    attempts = select(JobAttempt).join(JobStatus, JobStatus.id == JobAttempt.job).where(*mine)
    return session.scalar(attempts.order_by(JobAttempt.run.desc()).limit(1))


def _attempts(job: Job) -> int:
    given = job.opts.get("attempts")
    return given if isinstance(given, int) and given > 0 else 1
