"""/admin/jobs: the crontab's entries, the sessions of their runs, and the audit trail (document 004)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from pydantic import Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict

from app import db
from app.api.cron_replies import ShownEntry, ShownSession, entry_as_dict, session_as_dict
from app.api.errors import refusal
from app.api.input import Page, faults, read_body, read_optional_body, read_query
from app.api.reasons import Act, Removal
from app.api.replies import Plain
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.crontab import emergency, entries
from app.crontab.adding import trigger
from app.crontab.entries import EntryNotFound, NewEntry
from app.crontab.sessions import get_running, get_sessions, get_sessions_by_job
from app.ledger import audit
from app.models.cron_session import CronSession
from app.models.user import Role

bp = Blueprint("crontab_admin", __name__, url_prefix="/admin/jobs")

#: What stands in the place of an entry's id in this prefix's own paths.
TAKEN = ("audit", "running", "sessions")
#: An entry's fields in the caller's names, where they are not the same in camelCase.
NAMES = {"timeout_s": "timeout", "attempts": "retryCount", "id": "jobName"}


class Config(Act):
    """JobConfig (S4-13) and the rest of an entry; what is left out stays as it is."""

    title: str = ""
    enabled: bool = True
    schedule: str = ""
    timezone: str = ""
    timeout: int = Field(30_000, ge=1_000, le=86_400_000, multiple_of=1_000)  # ms
    retry_count: int = Field(0, ge=0, le=99)
    alert_on_failure: bool = True
    catch_up: str = "one"
    memory_limit_mb: int | None = Field(None, ge=1, le=2**31 - 1)
    data: dict[str, Any] = Field(default_factory=dict)
    environments: list[str] = Field(default_factory=list)

    def fields(self) -> dict[str, Any]:
        """What was sent, as the entry has it."""
        sent = self.model_dump(exclude_unset=True, exclude={"reason"})
        if "timeout" in sent:
            sent["timeout_s"] = sent.pop("timeout") // 1_000
        if "retry_count" in sent:
            sent["attempts"] = sent.pop("retry_count") + 1
        return sent


class NewConfig(Config):
    """An entry of one's own for a job of the code."""

    job_name: str
    job: str
    title: str
    schedule: str

    @field_validator("job_name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name in TAKEN:
            raise ValueError(f"{name!r} is a word of this API; take another")
        return name

    def fields(self) -> dict[str, Any]:
        """With its id."""
        fields = super().fields()
        return {"id": fields.pop("job_name"), **fields}


class AuditPage(Page):
    """A page of the trail begins before the last id of the one before."""

    target: str | None = Field(None, max_length=255, pattern=r"^[^\x00]+$")
    before: int | None = Field(None, ge=1, lt=2**63)


class SessionsOfJob(Page):
    """Fewer, of one entry."""

    limit: int = Field(50, ge=1, le=1_000)


class Entries(TypedDict):
    """Every entry."""

    jobs: list[ShownEntry]


class Sessions(TypedDict):
    """Runs, the newest first."""

    sessions: list[ShownSession]


class Removed(TypedDict):
    """What was done."""

    message: str


class Triggered(TypedDict):
    """What was done, and the session that says what becomes of it."""

    message: str
    sessionId: int


class Trail(TypedDict):
    """A page of the trail; ``next`` is null on the last."""

    audit: list[audit.ShownAct]
    next: int | None


@bp.errorhandler(EntryNotFound)
def _not_found(_: EntryNotFound) -> Response:
    return refusal(404, "Job not found")


@bp.errorhandler(ValidationError)
def _refused(invalid: ValidationError) -> Response:
    """The entry's own rules, its fields in the caller's names."""
    return refusal(400, faults(invalid, {name: to_camel(name) for name in NewEntry.model_fields} | NAMES))


@bp.get("")
@requires(Role.ADMIN)
def list_entries() -> Plain[Entries]:
    """Every entry, by its id."""
    with db.reading() as session:
        return {"jobs": [entry_as_dict(entry) for entry in entries.all_entries(session)]}, 200


@bp.post("")
@requires(Role.ADMIN)
def create() -> Plain[ShownEntry]:
    """An entry of one's own; 409 if the id is taken."""
    asked = read_body(NewConfig)
    new = NewEntry(**asked.fields())
    with db.session() as session:
        if new.enabled:
            emergency.refuse_while_stopped(session)
        entry = entries.create(session, new, by=current_user().id, at=utc_now(), why=asked.reason)
    return entry_as_dict(entry), 201


@bp.get("/<entry:job_name>")
@requires(Role.ADMIN)
def show(job_name: str) -> Plain[ShownEntry]:
    """One entry."""
    with db.reading() as session:
        return entry_as_dict(entries.find(session, job_name)), 200


@bp.patch("/<entry:job_name>")
@requires(Role.ADMIN)
def change(job_name: str) -> Plain[ShownEntry]:
    """Some fields of an entry, from the next tick on."""
    asked = read_body(Config)
    with db.session() as session:
        entry = emergency.change_entry(
            session, job_name, asked.fields(), by=current_user().id, at=utc_now(), why=asked.reason
        )
    return entry_as_dict(entry), 200


@bp.delete("/<entry:job_name>")
@requires(Role.ADMIN)
def remove(job_name: str) -> Plain[Removed]:
    """An entry that was made here; what the code brings is stopped instead, so 409."""
    why = read_query(Removal).reason
    with db.session() as session:
        entries.remove(session, job_name, by=current_user().id, at=utc_now(), why=why)
    return {"message": "Job removed successfully"}, 200


@bp.post("/<entry:job_name>/trigger")
@requires(Role.ADMIN)
def run_now(job_name: str) -> Plain[Triggered]:
    """Run it now, whatever its schedule; 409 while it runs (S4-12)."""
    why = read_optional_body(Act).reason
    with db.session() as session:
        emergency.refuse_while_stopped(session)
        session_id = trigger(session, job_name, by=current_user().id, at=utc_now(), why=why)
    return {"message": "Job triggered successfully", "sessionId": session_id}, 200


@bp.post("/<entry:job_name>/restore")
@requires(Role.ADMIN)
def restore(job_name: str) -> Plain[ShownEntry]:
    """Give every field back to the code."""
    why = read_optional_body(Act).reason
    with db.session() as session:
        emergency.refuse_while_stopped(session)
        entry = entries.restore(session, job_name, by=current_user().id, at=utc_now(), why=why)
    return entry_as_dict(entry), 200


@bp.get("/<entry:job_name>/sessions")
@requires(Role.ADMIN)
def sessions_of(job_name: str) -> Plain[Sessions]:
    """The newest runs of one entry (S4-6)."""
    page = read_query(SessionsOfJob)
    with db.reading() as session:
        entry = entries.find(session, job_name)
        found = get_sessions_by_job(session, entry.id, page.limit)
        return {"sessions": [session_as_dict(one) for one in found]}, 200


@bp.get("/sessions")
@requires(Role.ADMIN)
def newest_sessions() -> Plain[Sessions]:
    """The newest runs of all (S4-6)."""
    page = read_query(Page)
    with db.reading() as session:
        return {"sessions": [session_as_dict(one) for one in get_sessions(session, page.limit)]}, 200


@bp.get("/sessions/<int:session_id>")
@requires(Role.ADMIN)
def one_session(session_id: int) -> Plain[ShownSession] | Response:
    """One run: what became of a trigger."""
    with db.reading() as session:
        found = session.get(CronSession, session_id) if session_id < 2**63 else None
    return (session_as_dict(found), 200) if found else refusal(404, "Session not found")


@bp.get("/running")
@requires(Role.ADMIN)
def running() -> Plain[Sessions]:
    """What runs now, and what was triggered and is about to (S4-6)."""
    with db.reading() as session:
        return {"sessions": [session_as_dict(one) for one in get_running(session)]}, 200


@bp.get("/audit")
@requires(Role.ADMIN)
def audit_trail() -> Plain[Trail]:
    """Who did what and why, the newest first; ``next`` is the ``before`` of the next page, null on the last."""
    page = read_query(AuditPage)
    with db.reading() as session:
        acts = session.scalars(audit.trail(page.target, limit=page.limit, before=page.before)).all()
    following = acts[-1].id if len(acts) == page.limit else None
    return {"audit": [audit.as_dict(act) for act in acts], "next": following}, 200
