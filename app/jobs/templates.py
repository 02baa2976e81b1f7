"""Jobs kept under a name: checked when they are kept, and again when one is made of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.jobs import by_hand
from app.jobs.engine import find_queue
from app.jobs.personal import redacted
from app.ledger import audit
from app.models.job_template import JobTemplate


class TemplateNotFound(LookupError):
    """Nothing is kept under that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no template {name!r}")


def all_templates(after: str = "") -> Select[JobTemplate]:
    """By name."""
    return select(JobTemplate).where(JobTemplate.name > after).order_by(JobTemplate.name)


def find(session: Session, name: str) -> JobTemplate:
    """Raises TemplateNotFound."""
    found = session.get(JobTemplate, name)
    if found is None:
        raise TemplateNotFound(name)
    return found


def keep(session: Session, template: JobTemplate, *, by: str, at: datetime, why: str | None = None) -> bool:
    """Keep it, in the place of what has its name; whether that is new.

    Raises QueueNotFound, UnknownJobName and pydantic's ValidationError, as for a job by hand.
    """
    template.queue = find_queue(template.queue).name
    by_hand.check(template.queue, template.job_name, template.data)
    template.changed_by, template.changed_at = by, at
    is_new = session.get(JobTemplate, template.name) is None
    session.merge(template)
    details = {"queue": template.queue, "jobName": template.job_name, "data": redacted(template.data)}
    audit.record(session, by, "template.kept", f"template {template.name}", at=at, why=why, details=details)
    return is_new


def remove(session: Session, name: str, *, by: str, at: datetime, why: str) -> None:
    """Jobs that were made of it stay. Raises TemplateNotFound."""
    session.delete(find(session, name))
    audit.record(session, by, "template.removed", f"template {name}", at=at, why=why)


def run(session: Session, name: str, *, by: str, why: str | None = None) -> tuple[str, str]:
    """Add a job of it in the caller's transaction; its queue and its id.

    Raises TemplateNotFound, and what ``keep`` raises: its queue or job may have gone since, or want other data.
    """
    kept = find(session, name)
    job_id = by_hand.add(
        session,
        find_queue(kept.queue).name,
        kept.job_name,
        kept.data,
        priority=kept.priority,
        delay_ms=kept.delay_ms,
        by=by,
        why=f"template {name}" + (f": {why}" if why else ""),
    )
    return kept.queue, job_id
