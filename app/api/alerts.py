"""/api/v1/alerts: what is wrong now, and what was."""

from __future__ import annotations

from flask import Blueprint
from typing_extensions import TypedDict

from app import db
from app.alerts.state import ShownAlert, as_dict, firing, recent
from app.api.input import Page, read_query
from app.api.replies import Answer, ok
from app.auth.guard import requires
from app.models.user import Role

bp = Blueprint("alerts", __name__, url_prefix="/api/v1/alerts")


class Alerts(TypedDict):
    """``recent``: those that fire, and after them those that were resolved, the latest first."""

    firing: list[ShownAlert]
    recent: list[ShownAlert]


@bp.get("")
@requires(Role.VIEWER)
def now() -> Answer[Alerts]:
    """What fires now, and beside it what has fired lately."""
    page = read_query(Page)
    with db.reading() as session:
        return ok(
            {
                "firing": [as_dict(alert) for alert in firing(session)],
                "recent": [as_dict(alert) for alert in session.scalars(recent(page.limit))],
            }
        )
