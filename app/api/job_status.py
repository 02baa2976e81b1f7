"""/app/job-status: what happened to jobs, from the ledger, and what the queue holds now."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint
from pydantic import Field

from app import db
from app.api.input import Page, Query, read_query
from app.api.replies import Answer, ok
from app.auth.guard import current_user, requires, sees, sees_all
from app.broker.errors import JobNotFound
from app.domains.accounts.errors import UserNotFound
from app.domains.accounts.users import find_user
from app.jobs.user_updates import get_queue_stats
from app.ledger import queries
from app.models.job_status import KEY_LENGTH, JobStatus
from app.models.user import Role

bp = Blueprint("job_status", __name__, url_prefix="/app/job-status")


class WhichQueue(Query):
    """Ids are unique within a queue."""

    queue: str | None = Field(None, max_length=KEY_LENGTH, pattern=r"^[A-Za-z0-9._-]+$")


class FailedPage(Page):
    """Whether jobs with some good accounts count as failed."""

    include: Literal["partial"] | None = None


@bp.get("/status/user/<key:user_id>")
@requires(Role.USER)
def of_user(user_id: str) -> Answer[list[queries.ShownJob]]:
    """A user's jobs, newest first: one's own, or anyone's for a viewer."""
    if not sees(user_id):
        raise UserNotFound(user_id)
    page = read_query(Page)
    with db.reading() as session:
        jobs = session.scalars(queries.jobs_of_user(user_id, page.limit)).all()
        if not jobs:
            find_user(session, user_id)
        return ok([queries.as_dict(job) for job in jobs])


@bp.get("/status/job/<job_id:job_id>")
@requires(Role.USER)
def of_job(job_id: str) -> Answer[queries.ShownJob]:
    """One job; another's is not found."""
    queue = read_query(WhichQueue).queue
    with db.reading() as session:
        job = session.scalar(queries.job(job_id, queue))
    if job is None or not sees(job.user_id):
        raise JobNotFound(queue, job_id)
    return ok(queries.as_dict(job))


@bp.get("/recent")
@requires(Role.USER)
def recent() -> Answer[list[queries.ShownJob]]:
    """The newest jobs: one's own, or all for a viewer."""
    page = read_query(Page)
    newest = queries.recent(page.limit) if sees_all() else queries.jobs_of_user(current_user().id, page.limit)
    with db.reading() as session:
        return ok([queries.as_dict(job) for job in session.scalars(newest)])


@bp.get("/failed")
@requires(Role.USER)
def failed() -> Answer[list[queries.ShownJob]]:
    """Jobs that failed for good, the latest first: one's own, or all for a viewer."""
    page = read_query(FailedPage)
    found = queries.failed(page.limit, include_partial=page.include == "partial")
    if not sees_all():
        found = found.where(JobStatus.user_id == current_user().id)
    with db.reading() as session:
        return ok([queries.as_dict(job) for job in session.scalars(found)])


@bp.get("/queue/stats")
@requires(Role.VIEWER)
def queue_stats() -> Answer[dict[str, int | bool]]:
    """How many jobs of user updates are in each state now, and how many workers take them."""
    return ok(get_queue_stats())
