"""/api/v1/jobs/:id/why: why a job has not run yet."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from typing_extensions import TypedDict

from app import db
from app.api.input import read_query
from app.api.job_status import WhichQueue
from app.api.replies import Answer, ok
from app.auth.guard import requires, sees, sees_all
from app.broker.errors import JobNotFound
from app.jobs.engine import find_queue, queue_of
from app.jobs.personal import redacted
from app.jobs.why import Reason, why
from app.ledger import queries
from app.models.user import Role

bp = Blueprint("why", __name__, url_prefix="/api/v1/jobs")


class Why(TypedDict):
    """Each reason has a ``kind``, a ``text`` and its numbers."""

    jobId: str
    queueName: str
    reasons: list[dict[str, Any]]


@bp.get("/<any_job_id:job_id>/why")
@requires(Role.USER)
def of_job(job_id: str) -> Answer[Why]:
    """The reasons in their order, of one's own job, or of anyone's for a viewer; only a viewer sees who paused."""
    asked = read_query(WhichQueue).queue
    with db.reading() as session:
        row = session.scalar(queries.job(job_id, asked))
        if not (sees_all() if row is None else sees(row.user_id)):
            raise JobNotFound(asked, job_id)
        name = asked or (row.queue if row else queue_of(job_id))
        if name is None:
            raise JobNotFound(None, job_id)
        queue = find_queue(name)
        reasons = why(session, queue, job_id, row)
    return ok({"jobId": job_id, "queueName": queue.name, "reasons": [as_dict(reason) for reason in reasons]})


def as_dict(reason: Reason) -> dict[str, Any]:
    """The reason with its numbers; personal data are hidden (C46)."""
    shown: dict[str, Any] = {"kind": reason.kind, "text": redacted(reason.text), **redacted(dict(reason.numbers))}
    return {**shown, "by": reason.by, "reason": reason.said} if reason.by and sees_all() else shown
