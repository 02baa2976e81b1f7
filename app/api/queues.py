"""/api/v1/queues: what each queue holds, and a queue in an operator's hands (document 003)."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint
from pydantic import model_validator
from typing_extensions import TypedDict

from app import db
from app.api.amounts import whole
from app.api.input import read_body, read_optional_body
from app.api.queue_replies import Counts, metrics_of
from app.api.reasons import Act
from app.api.replies import Answer, Done, Plain, ok
from app.auth.acts import act
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.crontab.pausing import pause_queue, resume_queue
from app.jobs import retrying
from app.jobs.catalog import queues
from app.jobs.engine import find_queue
from app.models.user import Role

bp = Blueprint("queues", __name__, url_prefix="/api/v1/queues")

TEN_YEARS_S = 10 * 366 * 24 * 3_600


class Clean(Act):
    """How long ago a job must have ended to be removed."""

    grace_period: Annotated[int, whole("seconds", TEN_YEARS_S)]

    @model_validator(mode="before")
    @classmethod
    def _missing_says_its_unit(cls, body: Any) -> Any:
        return {"gracePeriod": None, **body} if isinstance(body, dict) else body


class Drain(Act):
    """Whether jobs that wait for their time go, too."""

    delayed: bool = False


class RetryOfQueue(TypedDict):
    """The job that retries, and how many it will find."""

    jobId: str
    failed: int


@bp.get("/metrics")
@requires(Role.VIEWER)
def metrics() -> Answer[dict[str, Counts]]:
    """Every queue, by its canonical name (S3-8)."""
    return ok({name: metrics_of(find_queue(name)) for name in queues()})


@bp.get("/<queue:queue_name>/metrics")
@requires(Role.VIEWER)
def metrics_of_one(queue_name: str) -> Answer[Counts]:
    """One queue (S3-9)."""
    return ok(metrics_of(find_queue(queue_name)))


@bp.post("/<queue:queue_name>/pause")
@requires(Role.OPERATOR)
def pause(queue_name: str) -> Plain[Done]:
    """Stop claiming its jobs; running jobs finish (S3-13)."""
    why = read_optional_body(Act).reason
    pause_queue(find_queue(queue_name), by=current_user().id, at=utc_now(), why=why)
    return ok(message="Queue paused successfully")


@bp.post("/<queue:queue_name>/resume")
@requires(Role.OPERATOR)
def resume(queue_name: str) -> Plain[Done]:
    """Claim its jobs again; 409 while an emergency stop lasts (S3-13)."""
    why = read_optional_body(Act).reason
    resume_queue(find_queue(queue_name), by=current_user().id, at=utc_now(), why=why)
    return ok(message="Queue resumed successfully")


@bp.post("/<queue:queue_name>/clean")
@requires(Role.OPERATOR)
def clean(queue_name: str) -> Plain[Done]:
    """Remove the jobs that completed or failed longer ago than ``gracePeriod``, in seconds (S3-14)."""
    asked = read_body(Clean)
    queue = find_queue(queue_name)
    with act("queue.cleaned", f"queue {queue.name}", why=asked.reason, details={"gracePeriod": asked.grace_period}):
        queue.clean(asked.grace_period * 1_000, state="completed")
        queue.clean(asked.grace_period * 1_000, state="failed")
    return ok(message="Queue cleaned successfully")


@bp.post("/<queue:queue_name>/retry")
@requires(Role.OPERATOR)
def retry(queue_name: str) -> Answer[RetryOfQueue]:
    """Run every failed job of it again: 202 with the id of the job that does it, and how many there are now."""
    why = read_optional_body(Act).reason
    queue = find_queue(queue_name)
    with db.session() as session:
        job_id = retrying.ask_for_queue(session, queue, by=current_user().id, why=why)
    return ok({"jobId": job_id, "failed": queue.get_job_counts()["failed"]}, status=202)


@bp.post("/<queue:queue_name>/drain")
@requires(Role.OPERATOR)
def drain(queue_name: str) -> Plain[Done]:
    """Remove every job that waits, on request the delayed ones too; running and ended jobs stay."""
    asked = read_optional_body(Drain)
    queue = find_queue(queue_name)
    with act("queue.drained", f"queue {queue.name}", why=asked.reason, details={"delayed": asked.delayed}):
        queue.drain(delayed=asked.delayed)
    return ok(message="Queue drained successfully")
