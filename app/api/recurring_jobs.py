"""/api/v1/queues/:queueName/recurring: jobs that come again by a cron expression (document 003, S3-18)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import Field, ValidationError
from typing_extensions import TypedDict

from app import db
from app.api.amounts import whole
from app.api.errors import refusal
from app.api.input import Body, faults, read_body, read_query
from app.api.queue_jobs import LOWEST_PRIORITY, Why
from app.api.reasons import Act
from app.api.replies import Answer, Done, Plain, ok
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.crontab import emergency, entries, recurring
from app.crontab.cron import in_words
from app.crontab.entries import NewEntry
from app.crontab.fields import EntryId, Fields
from app.crontab.table import next_runs
from app.jobs.engine import find_queue
from app.jobs.personal import redacted
from app.models.crontab_entry import CrontabEntry
from app.models.user import Role

bp = Blueprint("recurring_jobs", __name__, url_prefix="/api/v1/queues/<queue:queue_name>/recurring")


class Options(Body):
    """Of each job that is added."""

    priority: Annotated[int, whole("places, the lowest first,", LOWEST_PRIORITY)] = 0


class Change(Act):
    """What is left out stays as it is."""

    job_name: str = Field("", min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
    data: dict[str, Any] = Field(default_factory=dict)
    cron: str = Field("", max_length=200)
    timezone: str = Field("", max_length=100)
    enabled: bool = True
    options: Options = Options()

    def fields(self, standing: CrontabEntry) -> dict[str, Any]:
        """What was sent, as the entry has it."""
        sent = self.model_fields_set
        said = {"name": self.job_name, "data": self.data, "priority": self.options.priority}
        asked = {name: said[name] for name, of in ASKED.items() if of in sent}
        own = {name: getattr(self, of) for name, of in OWN.items() if of in sent}
        return {**own, **({"data": {**standing.data, **asked}} if asked else {})}


#: The entry's data and fields, each by the name under which it is sent.
ASKED = {"name": "job_name", "data": "data", "priority": "options"}
OWN = {"schedule": "cron", "timezone": "timezone", "enabled": "enabled"}


class NewRecurringJob(Change):
    """What is to come again; without an ``id`` it is named after all of it."""

    id: EntryId | None = None
    job_name: str = Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
    cron: str = Field(max_length=200)
    timezone: str | None = Field(None, max_length=100)  # type: ignore[assignment]  # None is TIMEZONE


class ShownOptions(TypedDict):
    """Of each job that is added."""

    priority: int


class RecurringJob(TypedDict):
    """What comes again, when next, and who changed it last."""

    id: str
    queueName: str
    jobName: str
    data: dict[str, Any]
    options: ShownOptions
    cron: str
    cronInWords: str
    timezone: str
    enabled: bool
    nextRun: datetime | None
    changedBy: str | None
    changedAt: datetime | None


@bp.errorhandler(ValidationError)
def _refused(invalid: ValidationError) -> Response:
    """The entry's own rules, or those of the job's data."""
    if invalid.title in (NewEntry.__name__, Fields.__name__):
        return refusal(400, faults(invalid, {"schedule": "cron"}))
    return refusal(400, faults(invalid, within=("data",)))


@bp.post("")
@requires(Role.OPERATOR)
def schedule(queue_name: str) -> Answer[RecurringJob]:
    """Add that job at every moment of the expression; the same words again are the same entry."""
    asked = read_body(NewRecurringJob)
    by, at = current_user().id, utc_now()
    with db.session() as session:
        emergency.refuse_while_stopped(session)
        entry = recurring.schedule_recurring_job(
            session,
            queue_name,
            asked.job_name,
            asked.data,
            asked.cron,
            timezone=asked.timezone,
            priority=asked.options.priority,
            entry_id=asked.id,
            enabled=asked.enabled,
            by=by,
            at=at,
            why=asked.reason,
        )
    return ok(as_dict(entry, at), status=201)


@bp.get("")
@requires(Role.VIEWER)
def of_queue(queue_name: str) -> Answer[list[RecurringJob]]:
    """Every recurring job of a queue, by its id."""
    now = utc_now()
    with db.reading() as session:
        found = recurring.recurring_jobs(session, find_queue(queue_name).name)
        return ok([as_dict(entry, now) for entry in found])


@bp.get("/<entry:recurring_id>")
@requires(Role.VIEWER)
def show(queue_name: str, recurring_id: str) -> Answer[RecurringJob]:
    """One of them."""
    with db.reading() as session:
        return ok(as_dict(recurring.find(session, find_queue(queue_name).name, recurring_id), utc_now()))


@bp.patch("/<entry:recurring_id>")
@requires(Role.OPERATOR)
def change(queue_name: str, recurring_id: str) -> Answer[RecurringJob]:
    """Change its schedule, its zone, its data, or whether it is on, from the next tick on."""
    asked = read_body(Change)
    by, at = current_user().id, utc_now()
    with db.session() as session:
        standing = recurring.find(session, find_queue(queue_name).name, recurring_id)
        entry = emergency.change_entry(session, standing.id, asked.fields(standing), by=by, at=at, why=asked.reason)
    return ok(as_dict(entry, at))


@bp.delete("/<entry:recurring_id>")
@requires(Role.OPERATOR)
def remove(queue_name: str, recurring_id: str) -> Plain[Done]:
    """It adds nothing more; what it has added stays."""
    why = read_query(Why).reason
    with db.session() as session:
        entry = recurring.find(session, find_queue(queue_name).name, recurring_id)
        entries.remove(session, entry.id, by=current_user().id, at=utc_now(), why=why)
    return ok(message="Recurring job removed successfully")


def as_dict(entry: CrontabEntry, now: datetime) -> RecurringJob:
    """The entry in the words in which it was asked for; personal data are hidden (C46)."""
    return {
        "id": entry.id,
        "queueName": entry.data["queue"],
        "jobName": entry.data["name"],
        "data": redacted(entry.data["data"]),
        "options": {"priority": entry.data.get("priority", 0)},
        "cron": entry.schedule,
        "cronInWords": in_words(entry.schedule),
        "timezone": entry.timezone,
        "enabled": entry.enabled,
        "nextRun": next(iter(next_runs(entry.schedule, entry.timezone, now, 1)), None) if entry.enabled else None,
        "changedBy": entry.changed_by,
        "changedAt": entry.changed_at,
    }
