"""The audit trail: who did what to what, when, and why."""

from __future__ import annotations

from flask import render_template
from pydantic import Field

from app import db
from app.dashboard.forms import Form, read_query
from app.dashboard.paging import ROWS, paged
from app.dashboard.people import names_of
from app.dashboard.site import bp, page
from app.ledger.audit import trail
from app.models.user import Role


class Asked(Form):
    """Of one target or of all, and where the page begins."""

    target: str | None = Field(None, max_length=255)
    before: int | None = Field(None, ge=1, lt=2**63)


@bp.get("/audit")
@page(Role.VIEWER)
def audit() -> str:
    """The newest first."""
    asked = read_query(Asked)
    with db.reading() as session:
        acts = session.scalars(trail(asked.target, limit=ROWS + 1, before=asked.before)).all()
        people = names_of(session, [act.actor for act in acts])
    return render_template("audit.html", asked=asked, paged=paged(acts, lambda act: act.id), people=people)
