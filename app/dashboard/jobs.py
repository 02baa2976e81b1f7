"""One job: where it is, why it has not run yet, every run with what went wrong in it, and its flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import render_template, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from app import db
from app.auth.acts import act
from app.broker.errors import JobNotFound
from app.broker.job import Job
from app.broker.queue import Queue
from app.clock import from_ms
from app.dashboard.confirmation import Confirmation
from app.dashboard.job_shown import in_full
from app.dashboard.people import names_of
from app.dashboard.site import bp, page, said
from app.dashboard.states import diagram
from app.jobs.engine import broker, find_queue, job_of
from app.jobs.personal import redacted
from app.jobs.why import why
from app.ledger import queries
from app.ledger.tree import tree_of
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus
from app.models.user import Role

#: The newest runs; a job that was parked for hours can have hundreds.
MOST_ATTEMPTS = 50
MOST_LOG_LINES = 500


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says of the job itself, from Redis where it is, else from the ledger."""

    queue: str
    id: str
    name: str
    state: str
    user_id: str | None
    data: str
    options: str
    result: str | None
    error: str | None
    progress: object
    runs: int
    allowed: int
    crashes: int
    added_at: datetime
    took_ms: int | None


@bp.get("/jobs/<queue:queue_name>/<any_job_id:job_id>")
@page(Role.VIEWER)
def job(queue_name: str, job_id: str) -> str:
    """Everything that is known of it."""
    queue = find_queue(queue_name)
    found = job_of(queue, job_id)
    with db.reading() as session:
        row = session.scalar(queries.job(job_id, queue.name))
        reasons = why(session, queue, job_id, row)
        attempts = _attempts(session, row)
        flow = tree_of(session, row, broker().prefix) if row else None
        names = names_of(session, (reason.by for reason in reasons))
    told = _told(queue, found, row, job_id)
    return render_template(
        "job.html",
        job=told,
        reasons=reasons,
        names=names,
        attempts=attempts,
        more_attempts=len(attempts) == MOST_ATTEMPTS,
        logs=redacted(queue.get_logs(job_id)[-MOST_LOG_LINES:]),
        flow=flow,
        drawn=diagram(told.state),
        held=found is not None,
    )


@bp.post("/jobs/<queue:queue_name>/<any_job_id:job_id>/retry")
@page(Role.OPERATOR)
def retry_job(queue_name: str, job_id: str) -> Answer:
    """Run an ended job again, from its first attempt."""
    found = _find(queue_name, job_id)
    with act("job.retried", _target(found), why=None):
        found.retry()
    return said(_of(found), "The job runs again from its first attempt.")


@bp.post("/jobs/<queue:queue_name>/<any_job_id:job_id>/promote")
@page(Role.OPERATOR)
def promote_job(queue_name: str, job_id: str) -> Answer:
    """Start a delayed job as soon as a worker is free."""
    found = _find(queue_name, job_id)
    with act("job.promoted", _target(found), why=None):
        found.promote()
    return said(_of(found), "The job starts as soon as a worker is free.")


@bp.route("/jobs/<queue:queue_name>/<any_job_id:job_id>/remove", methods=["GET", "POST"])
@page(Role.OPERATOR)
def remove_job(queue_name: str, job_id: str) -> Answer:
    """Remove a job that is not running."""
    found = _find(queue_name, job_id)
    means = "It goes from its queue and never runs again. The ledger keeps that it was, and why it went."
    asked = Confirmation("Remove the job", found.id, means, back=_of(found))
    if asked.reason is None:
        return asked.page()
    with act("job.removed", _target(found), why=asked.reason):
        found.remove()
    return said(url_for("dashboard.queue", queue_name=found.queue.name), f"The job {found.id} is removed.")


@bp.route("/jobs/<queue:queue_name>/<any_job_id:job_id>/cancel", methods=["GET", "POST"])
@page(Role.OPERATOR)
def cancel_job(queue_name: str, job_id: str) -> Answer:
    """End it for good, wherever it is."""
    found = _find(queue_name, job_id)
    means = "It ends for good, running or not: it is failed with your reason, and not tried again."
    asked = Confirmation("Cancel the job", found.id, means, back=_of(found))
    if asked.reason is None:
        return asked.page()
    with act("job.cancelled", _target(found), why=asked.reason):
        found.cancel(asked.reason)
    return said(_of(found), "The job is told to end.")


def _told(queue: Queue, found: Job | None, row: JobStatus | None, job_id: str) -> Told:
    if row is None and found is None:
        raise JobNotFound(queue.name, job_id)
    state = (found.state() if found else None) or (row.status if row else "removed")
    ended = row is not None and row.ended_at is not None
    if row is not None and ended and row.status in ("partial", "cancelled", "removed"):
        state = row.status
    attempts = found.opts.get("attempts") if found else None
    return Told(
        queue=queue.name,
        id=job_id,
        name=found.name if found else row.name if row else "",
        state="retrying" if state == "delayed" and found and found.attempts_made else state,
        user_id=row.user_id if row else None,
        data=in_full(found.data if found else row.data if row else None),
        options=in_full(dict(found.opts) if found else row.opts if row else {}),
        result=in_full(row.return_value) if row and ended and row.return_value is not None else None,
        # Of a job that is being tried again the error is its last run's, not its own.
        error=redacted(row.error if row and ended else found.failed_reason if found and state == "failed" else None),
        progress=found.progress if found and state == "active" else None,
        runs=found.attempts_made if found else row.attempts_made if row else 0,
        allowed=attempts if isinstance(attempts, int) else row.attempts if row else 1,
        crashes=found.crashes if found else row.crashes if row else 0,
        added_at=from_ms(found.timestamp) if found else row.queued_at if row else from_ms(0),
        took_ms=row.duration_ms if row and ended else None,
    )


def _attempts(session: Session, row: JobStatus | None) -> Sequence[JobAttempt]:
    """The newest first."""
    if row is None:
        return []
    mine = select(JobAttempt).where(JobAttempt.job == row.id).order_by(JobAttempt.run.desc()).limit(MOST_ATTEMPTS)
    return session.scalars(mine).all()


def _find(queue_name: str, job_id: str) -> Job:
    queue = find_queue(queue_name)
    found = job_of(queue, job_id)
    if found is None:
        raise JobNotFound(queue.name, job_id)
    return found


def _target(found: Job) -> str:
    return f"job {found.queue.name}/{found.id}"[:255]


def _of(found: Job) -> str:
    return url_for("dashboard.job", queue_name=found.queue.name, job_id=found.id)
