"""/api/v1/queues/:queueName/jobs: jobs added, seen and steered one by one (document 003)."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field, ValidationError
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from app import db
from app.api.amounts import whole
from app.api.input import BadRequest, Body, Page, Query, faults, read_body, read_optional_body, read_query
from app.api.queue_replies import JobLogs, ListedJob, QueuedJob, job_as_dict, listed, logs_of
from app.api.reasons import Act, Reason
from app.api.replies import Answer, Done, Plain, ok
from app.auth.acts import act
from app.auth.guard import current_user, requires
from app.broker import listing
from app.broker.errors import InvalidName, JobNotFound, QueueNotFound
from app.broker.job import Job
from app.broker.queue import Queue, State
from app.domains.publishers.errors import PublisherNotFound
from app.domains.publishers.priority import priority_of
from app.jobs import by_hand
from app.jobs.engine import find_queue, job_of
from app.models.user import Role

bp = Blueprint("queue_jobs", __name__, url_prefix="/api/v1/queues/<queue:queue_name>/jobs")

#: BullMQ's: a higher one would not fit beside the counter in the score.
LOWEST_PRIORITY = 2**21
YEAR_MS = 366 * 24 * 3_600_000


class Options(Body):
    """When it runs: the lower the priority the sooner, and 0 before all others (C20)."""

    priority: Annotated[int, whole("places, the lowest first,", LOWEST_PRIORITY)] = 0
    delay: Annotated[int, whole("milliseconds", YEAR_MS)] = 0


class AddedJob(Act):
    """A job to be added."""

    job_name: str = Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
    data: dict[str, Any]
    options: Options = Options()


class JobsOfState(Page):
    """A page of a state's jobs begins where ``cursor`` says: the ``next`` of the page before."""

    state: State
    cursor: str | None = Field(None, max_length=300)


class Why(Query):
    """A request without a body may say it here."""

    reason: Reason | None = None


class Added(TypedDict):
    """The job, and the queue by its canonical name."""

    jobId: str
    queueName: str
    jobName: str


class ListedPage(TypedDict):
    """A state's jobs; ``next`` is the ``cursor`` of the page behind, null on the last."""

    jobs: list[ListedJob]
    next: str | None


@bp.post("")
@requires(Role.OPERATOR)
def add(queue_name: str) -> Answer[Added]:
    """Add a job; 400 names what its data lack (S3-10)."""
    asked = read_body(AddedJob)
    queue = _queue_to_fill(queue_name)
    try:
        with db.session() as session:
            job_id = by_hand.add(
                session,
                queue.name,
                asked.job_name,
                asked.data,
                priority=_place(session, asked),
                delay_ms=asked.options.delay,
                by=current_user().id,
                why=asked.reason,
            )
    except ValidationError as invalid:
        raise BadRequest(faults(invalid, within=("data",))) from None
    return ok({"jobId": job_id, "queueName": queue.name, "jobName": asked.job_name}, status=201)


@bp.get("")
@requires(Role.VIEWER)
def of_state(queue_name: str) -> Answer[ListedPage]:
    """One state's jobs, page by page: the ended ones latest first, the others as they go on."""
    asked = read_query(JobsOfState)
    page = listing.page(find_queue(queue_name), asked.state, asked.limit, asked.cursor)
    return ok({"jobs": [listed(job) for job in page.jobs], "next": page.following})


@bp.get("/<any_job_id:job_id>")
@requires(Role.VIEWER)
def show(queue_name: str, job_id: str) -> Answer[QueuedJob]:
    """One job's status (S3-11)."""
    return ok(job_as_dict(_find(queue_name, job_id)))


@bp.get("/<any_job_id:job_id>/logs")
@requires(Role.VIEWER)
def logs(queue_name: str, job_id: str) -> Answer[JobLogs]:
    """Its log lines, and its errors in full (S3-21)."""
    return ok(logs_of(_find(queue_name, job_id)))


@bp.delete("/<any_job_id:job_id>")
@requires(Role.OPERATOR)
def remove(queue_name: str, job_id: str) -> Plain[Done]:
    """Remove a job that is not running; 409 for one that is (S3-12)."""
    why = read_query(Why).reason
    job = _find(queue_name, job_id)
    with act("job.removed", _target(job.queue, job.id), why=why):
        job.remove()
    return ok(message="Job removed successfully")


@bp.post("/<any_job_id:job_id>/retry")
@requires(Role.OPERATOR)
def retry(queue_name: str, job_id: str) -> Plain[Done]:
    """Run an ended job again, from its first attempt; 409 for one that has not ended (S3-21)."""
    why = read_optional_body(Act).reason
    job = _find(queue_name, job_id)
    with act("job.retried", _target(job.queue, job.id), why=why):
        job.retry()
    return ok(message="Job retried successfully")


@bp.post("/<any_job_id:job_id>/promote")
@requires(Role.OPERATOR)
def promote(queue_name: str, job_id: str) -> Plain[Done]:
    """Start a delayed job as soon as a worker is free; 409 for one that is not delayed."""
    why = read_optional_body(Act).reason
    job = _find(queue_name, job_id)
    with act("job.promoted", _target(job.queue, job.id), why=why):
        job.promote()
    return ok(message="Job promoted successfully")


def _place(session: Session, asked: AddedJob) -> int:
    """Premium publishers come before the others, whoever adds their jobs; one that is not there fails in its job."""
    publisher_id = asked.data.get("publisherId")
    if isinstance(publisher_id, str):
        with suppress(PublisherNotFound):
            return priority_of(session, publisher_id, asked.options.priority)
    return asked.options.priority


def _queue_to_fill(name: str) -> Queue:
    """A name with a colon that stands for no queue of ours cannot become one (C4)."""
    try:
        return find_queue(name)
    except QueueNotFound:
        if ":" in name:
            raise InvalidName("queue name", name) from None
        raise


def _find(queue_name: str, job_id: str) -> Job:
    """The job, in whatever queue it is asked for. Raises QueueNotFound, JobNotFound."""
    queue = find_queue(queue_name)
    job = job_of(queue, job_id)
    if job is None:
        raise JobNotFound(queue.name, job_id)
    return job


def _target(queue: Queue, job_id: str) -> str:
    """As the audit trail names it, whose column ends after 255 characters."""
    return f"job {queue.name}/{job_id}"[:255]
