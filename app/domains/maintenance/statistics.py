"""The system's statistics: what answers, how jobs go, how fresh users' data is, how users are spread (S0-6, S0-11)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

import app.domains.cache.ping  # noqa: F401 - registers itself
from app import db
from app.crontab.overdue import overdue
from app.domains.maintenance.snapshots import keep
from app.domains.slots import stats
from app.jobs.catalog import queues
from app.jobs.engine import find_queue
from app.ledger.performance import ends_since, recent_durations
from app.ledger.workers import SILENT_FOR, living
from app.pings import services

DAY = timedelta(days=1)


class RecentJobs(TypedDict):
    """The newest completed jobs, and how long they took; null while there are none."""

    count: int
    meanMs: float | None
    p95Ms: int | None


class Performance(TypedDict):
    """``queues`` is null while Redis is away."""

    workers: int
    queues: dict[str, dict[str, int | bool]] | None
    endedIn24h: dict[str, int]
    recentJobs: RecentJobs


class Freshness(TypedDict):
    """Users of one cadence by how fresh their data is, and the oldest update."""

    users: int
    fresh: int
    late: int
    never: int
    oldest: str | None


class Updates(TypedDict):
    """By cadence."""

    daily: Freshness
    weekly: Freshness


class UsersPerSlot(TypedDict):
    """Users of each hour of a day and of each day of a week (0 = Sunday), in UTC."""

    usersPerHour: dict[int, int]
    usersPerDay: dict[int, int]


class ServicesDown(Exception):
    """Something that we stand on does not answer."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"no answer from {', '.join(names)}")


def check_system(slot: datetime, now: datetime) -> dict[str, Any]:
    """Take the statistics and keep them; returns them."""
    with db.session() as session:
        found = system_statistics(session, now)
        keep(session, "healthCheck", slot, found, now)
    return found


def check_services(slot: datetime, now: datetime) -> dict[str, Any]:
    """Ask every service, look for workers and late entries, keep what was found. Raises ServicesDown after that."""
    states = services()
    with db.session() as session:
        found = {"services": states, "workers": workers(session, now), "overdue": _overdue(session, now)}
        keep(session, "serviceHealthCheck", slot, found, now)
    if silent := sorted(name for name, state in states.items() if state == "down"):
        raise ServicesDown(silent)
    return found


def system_statistics(session: Session, now: datetime) -> dict[str, Any]:
    """As of now, in JSON."""
    return {
        "services": services(),
        **performance(session, now),
        "overdue": _overdue(session, now),
        "updates": updates(session, now),
        **users_per_slot(session),
    }


def performance(session: Session, now: datetime) -> Performance:
    """Who works, what waits, and how jobs ended and how long they took lately."""
    durations = recent_durations(session)
    return {
        "workers": workers(session, now),
        "queues": queue_counts(),
        "endedIn24h": ends_since(session, now - DAY),
        "recentJobs": {"count": durations.jobs, "meanMs": durations.mean_ms, "p95Ms": durations.p95_ms},
    }


def updates(session: Session, now: datetime) -> Updates:
    """How fresh users' data is, by cadence."""
    return {
        "daily": _freshness(stats.daily_freshness(session, now)),
        "weekly": _freshness(stats.weekly_freshness(session, now)),
    }


def users_per_slot(session: Session) -> UsersPerSlot:
    """How users are spread over the hours of a day and the days of a week, in UTC."""
    return {
        "usersPerHour": stats.users_per_slot(session, "hour"),
        "usersPerDay": stats.users_per_slot(session, "day"),
    }


def workers(session: Session, now: datetime) -> int:
    """Processes that were heard of lately."""
    return len(living(session.connection(), now - SILENT_FOR))


def queue_counts() -> dict[str, dict[str, int | bool]] | None:
    """Jobs of each queue by state, and whether it is paused; None while Redis is away."""
    found: dict[str, dict[str, int | bool]] = {}
    try:
        for name in queues():
            queue = find_queue(name)
            counts = queue.get_job_counts()
            found[name] = {**{str(state): jobs for state, jobs in counts.items()}, "paused": queue.is_paused()}
    except RedisError:
        return None
    return found


def _overdue(session: Session, now: datetime) -> list[dict[str, str]]:
    return [{"entry": one.entry_id, "slot": one.slot.isoformat(), "why": one.why} for one in overdue(session, now)]


def _freshness(found: stats.Freshness) -> Freshness:
    return {
        "users": found.users,
        "fresh": found.fresh,
        "late": found.late,
        "never": found.never,
        "oldest": None if found.oldest is None else found.oldest.isoformat(),
    }
