"""The first page: is anyone's data late, and why?"""

from __future__ import annotations

from flask import render_template

from app import db
from app.clock import utc_now
from app.dashboard.site import bp, page
from app.domains.slots import stats
from app.models.user import Role


@bp.get("/overview")
@page(Role.USER)
def overview() -> str:
    """Freshness first; whoever sees only their own things goes there."""
    now = utc_now()
    with db.reading() as session:
        freshness = {"daily": stats.daily_freshness(session, now), "weekly": stats.weekly_freshness(session, now)}
    return render_template("overview.html", freshness=freshness, now=now)
