"""Everything stopped at once, and started again: asked twice, and on the audit trail."""

from __future__ import annotations

from flask import url_for
from werkzeug.wrappers import Response as Answer

from app.auth.guard import current_user
from app.clock import utc_now
from app.crontab import emergency
from app.dashboard.confirmation import Confirmation
from app.dashboard.site import bp, page, said
from app.models.user import Role


@bp.route("/emergency-stop", methods=["GET", "POST"])
@page(Role.ADMIN)
def stop_everything() -> Answer:
    """Pause every queue and switch every entry off; what runs may finish."""
    means = "Every queue is paused and the schedule is switched off, until somebody restarts them. Running jobs finish."
    asked = Confirmation("Stop everything", "stop", means, back=url_for("dashboard.overview"))
    if asked.reason is None:
        return asked.page()
    emergency.stop_everything(by=current_user().id, at=utc_now(), why=asked.reason)
    return said(url_for("dashboard.overview"), "Everything is stopped.")


@bp.route("/restart", methods=["GET", "POST"])
@page(Role.ADMIN)
def restart_everything() -> Answer:
    """Undo the stop; what was paused or stopped by hand stays so."""
    means = "What the emergency stop has paused and switched off goes on. What fell due meanwhile is not caught up."
    asked = Confirmation("Restart everything", "restart", means, back=url_for("dashboard.overview"))
    if asked.reason is None:
        return asked.page()
    undone = emergency.restart(by=current_user().id, at=utc_now(), why=asked.reason)
    return said(url_for("dashboard.overview"), "Everything goes on." if undone else "Nothing was stopped.")
