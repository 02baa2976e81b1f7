"""The sessions: one for every run of the crontab, and one for slots that did not run."""

from __future__ import annotations

from flask import abort, render_template
from pydantic import Field
from sqlalchemy import Select, select

from app import db
from app.dashboard.forms import Form, read_query
from app.dashboard.paging import ROWS, paged
from app.dashboard.site import bp, page
from app.models.cron_session import CronSession, SessionStatus
from app.models.user import Role


class Asked(Form):
    """Which sessions, and where the page begins."""

    status: SessionStatus | None = None
    entry: str = Field("", max_length=64)
    before: int | None = Field(None, ge=1, lt=2**63)


@bp.get("/sessions")
@page(Role.VIEWER)
def cron_sessions() -> str:
    """The newest first."""
    asked = read_query(Asked)
    with db.reading() as session:
        found = session.scalars(listed(asked).limit(ROWS + 1)).all()
    of_page = paged(found, lambda one: one.id)
    return render_template("cron_sessions.html", asked=asked, paged=of_page, statuses=list(SessionStatus))


@bp.get("/sessions/<int:session_id>")
@page(Role.VIEWER)
def cron_session(session_id: int) -> str:
    """One run."""
    with db.reading() as session:
        found = session.get(CronSession, session_id) if session_id < 2**63 else None
    if found is None:
        abort(404, f"no session {session_id}")
    return render_template("cron_session.html", run=found)


def listed(asked: Asked) -> Select[CronSession]:
    """Those that were asked for, by their number."""
    found = select(CronSession).order_by(CronSession.id.desc())
    if asked.status is not None:
        found = found.where(CronSession.status == asked.status)
    if asked.entry:
        found = found.where(CronSession.entry_id == asked.entry)
    return found if asked.before is None else found.where(CronSession.id < asked.before)
