"""What the ledger answers: one job, a user's, the newest, the failed. The caller owns the session."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, select
from typing_extensions import TypedDict

from app.models.job_status import JobStatus, Status

NEWEST_FIRST = JobStatus.id.desc()


def job(job_id: str, queue: str | None = None) -> Select[JobStatus]:
    """The newest job of that id; ids are unique within a queue, and can come again (R1)."""
    found = select(JobStatus).where(JobStatus.job_id == job_id).order_by(NEWEST_FIRST).limit(1)
    return found if queue is None else found.where(JobStatus.queue == queue)


def jobs_of_user(user_id: str, limit: int = 100, before: int | None = None) -> Select[JobStatus]:
    """A user's jobs, newest first; ``before`` is the last ``id`` of the page before."""
    return _page(select(JobStatus).where(JobStatus.user_id == user_id), limit, before)


def recent(limit: int = 50, queue: str | None = None, before: int | None = None) -> Select[JobStatus]:
    """The newest jobs, of one queue or of all."""
    jobs = select(JobStatus)
    return _page(jobs if queue is None else jobs.where(JobStatus.queue == queue), limit, before)


def failed(limit: int = 100, *, include_partial: bool = False, queue: str | None = None) -> Select[JobStatus]:
    """Jobs that failed for good, the latest end first; on request also those with some good accounts (C33)."""
    ends = [Status.FAILED, Status.PARTIAL] if include_partial else [Status.FAILED]
    # Written out, not bound: a plan for any status could not use the indexes of failures.
    written: BindParameter[Any] = bindparam("ends", ends, expanding=True, literal_execute=True)
    jobs = select(JobStatus).where(JobStatus.status.in_(written))
    if queue is not None:
        jobs = jobs.where(JobStatus.queue == queue)
    return jobs.order_by(JobStatus.ended_at.desc(), NEWEST_FIRST).limit(limit)


class ShownJob(TypedDict):
    """The documented JobStatus; times in ISO 8601, ``duration`` in ms."""

    jobId: str
    queue: str
    name: str
    userId: str | None
    status: str
    queuedAt: str | None
    dueAt: str | None
    startedAt: str | None
    completedAt: str | None
    failedAt: str | None
    duration: int | None
    accountsTotal: int | None
    accountsProcessed: int | None
    attempts: int
    maxAttempts: int
    error: str | None
    errors: dict[str, Any]


def as_dict(row: JobStatus) -> ShownJob:
    """The row in the names of the documented JobStatus; times in ISO 8601, ``duration`` in ms. Source: S2-6."""
    return {
        "jobId": row.job_id,
        "queue": row.queue,
        "name": row.name,
        "userId": row.user_id,
        "status": row.status,
        "queuedAt": _iso(row.queued_at),
        "dueAt": _iso(row.due_at),
        "startedAt": _iso(row.started_at),
        "completedAt": _iso(row.completed_at),
        "failedAt": _iso(row.failed_at),
        "duration": row.duration_ms,
        "accountsTotal": row.accounts_total,
        "accountsProcessed": row.accounts_processed,
        "attempts": row.attempts_made,
        "maxAttempts": row.attempts,
        "error": row.error,
        "errors": row.account_errors or {},
    }


def _page(jobs: Select[JobStatus], limit: int, before: int | None) -> Select[JobStatus]:
    page = jobs.order_by(NEWEST_FIRST).limit(limit)
    return page if before is None else page.where(JobStatus.id < before)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
