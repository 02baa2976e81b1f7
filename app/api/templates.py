"""/api/v1/templates: jobs kept under a name, and one of them added with one call (document 003's F5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import Field, ValidationError
from typing_extensions import TypedDict

from app import db
from app.api.input import BadRequest, Page, faults, read_body, read_optional_body, read_query
from app.api.queue_jobs import Added, Options
from app.api.reasons import Act, Removal
from app.api.replies import Answer, Done, Plain, ok
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.jobs import templates
from app.jobs.personal import redacted
from app.models.job_template import TEMPLATE_NAME_LENGTH, JobTemplate
from app.models.user import Role

bp = Blueprint("templates", __name__, url_prefix="/api/v1/templates")


class KeptJob(Act):
    """What a job that is made of it will be."""

    queue_name: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")
    job_name: str = Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
    data: dict[str, Any]
    options: Options = Options()


class TemplatesPage(Page):
    """A page begins after that name."""

    after: str = Field("", max_length=TEMPLATE_NAME_LENGTH, pattern=r"^[A-Za-z0-9_-]*$")


class ShownOptions(TypedDict):
    """``delay`` in milliseconds."""

    priority: int
    delay: int


class ShownTemplate(TypedDict):
    """Personal fields of its data are hidden, as of a job's."""

    name: str
    queueName: str
    jobName: str
    data: Any
    options: ShownOptions
    changedBy: str
    changedAt: datetime


class Templates(TypedDict):
    """By name; ``next`` is the ``after`` of the page behind, null on the last."""

    templates: list[ShownTemplate]
    next: str | None


@bp.get("")
@requires(Role.VIEWER)
def kept() -> Answer[Templates]:
    """What is kept, by name."""
    asked = read_query(TemplatesPage)
    with db.reading() as session:
        found = session.scalars(templates.all_templates(asked.after).limit(asked.limit)).all()
    following = found[-1].name if len(found) == asked.limit else None
    return ok({"templates": [_as_dict(one) for one in found], "next": following})


@bp.get("/<key:name>")
@requires(Role.VIEWER)
def show(name: str) -> Answer[ShownTemplate]:
    """One of them."""
    with db.reading() as session:
        return ok(_as_dict(templates.find(session, name)))


@bp.put("/<key:name>")
@requires(Role.OPERATOR)
def keep(name: str) -> Answer[ShownTemplate]:
    """Keep a job under this name, in the place of what was; 400 names what its data lack."""
    asked = read_body(KeptJob)
    template = JobTemplate(
        name=name,
        queue=asked.queue_name,
        job_name=asked.job_name,
        data=asked.data,
        priority=asked.options.priority,
        delay_ms=asked.options.delay,
    )
    try:
        with db.session() as session:
            is_new = templates.keep(session, template, by=current_user().id, at=utc_now(), why=asked.reason)
    except ValidationError as invalid:
        raise BadRequest(faults(invalid, within=("data",))) from None
    return ok(_as_dict(template), status=201 if is_new else 200)


@bp.delete("/<key:name>")
@requires(Role.OPERATOR)
def remove(name: str) -> Plain[Done]:
    """Jobs that were made of it stay."""
    why = read_query(Removal).reason
    with db.session() as session:
        templates.remove(session, name, by=current_user().id, at=utc_now(), why=why)
    return ok(message="Template removed successfully")


@bp.post("/<key:name>/run")
@requires(Role.OPERATOR)
def run(name: str) -> Answer[Added]:
    """Add a job of it, now."""
    why = read_optional_body(Act).reason
    try:
        with db.session() as session:
            job_name = templates.find(session, name).job_name
            queue, job_id = templates.run(session, name, by=current_user().id, why=why)
    except ValidationError as invalid:
        raise BadRequest(f"template {name!r} no longer fits its job: {faults(invalid, within=('data',))}") from None
    return ok({"jobId": job_id, "queueName": queue, "jobName": job_name}, status=201)


def _as_dict(template: JobTemplate) -> ShownTemplate:
    return {
        "name": template.name,
        "queueName": template.queue,
        "jobName": template.job_name,
        "data": redacted(template.data),
        "options": {"priority": template.priority, "delay": template.delay_ms},
        "changedBy": template.changed_by,
        "changedAt": template.changed_at,
    }
