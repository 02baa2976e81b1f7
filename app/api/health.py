"""/health and /health/jobs: whether all is well. Open to all, so without a reason, a user or an error's text."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from flask import Blueprint
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

import app.domains.cache.ping
import app.domains.publishers.ping  # noqa: F401 - it registers its ping, as the one before
from app import db
from app.api.errors import outage_of
from app.api.replies import Plain
from app.clock import utc_now
from app.crontab.overdue import overdue
from app.crontab.sessions import count_failures, get_running
from app.pings import services

bp = Blueprint("health", __name__)

DAY = timedelta(days=1)
#: Failed runs within a day that are still none of anybody's business.
TOLERATED = 5


class Late(TypedDict):
    """An entry that should have run by now and has not."""

    jobName: str
    slot: datetime
    why: Literal["not added", "not started"]


class Health(TypedDict):
    """``overdue`` is null while the database cannot say."""

    status: Literal["healthy", "unhealthy"]
    services: dict[str, Literal["up", "down"]]
    overdue: list[Late] | None


class JobsHealth(TypedDict):
    """How the crontab's runs go."""

    runningJobs: int
    recentFailures: int
    status: Literal["healthy", "degraded"]
    overdue: list[Late]


@bp.get("/health")
def health() -> Plain[Health]:
    """200 healthy or 503 unhealthy, in the same shape (CONTRACTS S3-19, C40)."""
    found = health_of_services()
    return found, 200 if found["status"] == "healthy" else 503


@bp.get("/health/jobs")
def jobs() -> Plain[JobsHealth]:
    """How the crontab's runs go; degraded above five failures within 24 h (S4-11)."""
    now = utc_now()
    with db.reading() as session:
        failures = count_failures(session, now - DAY)
        return {
            "runningJobs": len(get_running(session)),
            "recentFailures": failures,
            "status": "degraded" if failures > TOLERATED else "healthy",
            "overdue": overdue_entries(session, now),
        }, 200


def health_of_services() -> Health:
    """What answers, and which entries are late; null for those while the database cannot say."""
    states = services()
    is_healthy = all(state == "up" for state in states.values())
    return {"status": "healthy" if is_healthy else "unhealthy", "services": states, "overdue": _overdue_if_known()}


def overdue_entries(session: Session, now: datetime) -> list[Late]:
    """Entries that should have run by now and have not."""
    return [{"jobName": one.entry_id, "slot": one.slot, "why": one.why} for one in overdue(session, now)]


def _overdue_if_known() -> list[Late] | None:
    try:
        with db.reading() as session:
            return overdue_entries(session, utc_now())
    except Exception as error:
        if outage_of(error) is None:
            raise
        return None
