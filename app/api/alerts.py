"""/api/v1/alerts: what is wrong now, and what was."""

from __future__ import annotations

from flask import Blueprint

from app import db
from app.alerts.state import as_dict, firing, recent
from app.api.input import Page, read_query
from app.api.replies import Reply, ok
from app.auth.guard import requires
from app.models.user import Role

bp = Blueprint("alerts", __name__, url_prefix="/api/v1/alerts")


@bp.get("")
@requires(Role.VIEWER)
def now() -> Reply:
    """What fires now, and beside it what has fired lately."""
    page = read_query(Page)
    with db.reading() as session:
        return ok(
            {
                "firing": [as_dict(alert) for alert in firing(session)],
                "recent": [as_dict(alert) for alert in session.scalars(recent(page.limit))],
            }
        )
