"""What /app/jobs/admin shows: the whole system in one document, and each scheduled job."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from app.api.cron_replies import entry_as_dict, session_as_dict
from app.api.health import health_of_services, overdue_entries
from app.crontab import entries
from app.crontab.sessions import get_running, get_sessions_by_job
from app.crontab.table import next_runs
from app.domains.slots import stats
from app.jobs.catalog import queues
from app.jobs.engine import find_queue
from app.ledger.performance import ends_since, recent_durations
from app.ledger.workers import living
from app.models.crontab_entry import CrontabEntry
from app.models.emergency_stop import EmergencyStop

DAY = timedelta(days=1)
#: A worker says every 5 s that it lives (R14).
SILENT_FOR = timedelta(seconds=15)


def system_stats(session: Session, now: datetime) -> dict[str, Any]:
    """Health and performance, Update Stats and Schedule Stats (S0-11)."""
    durations = recent_durations(session)
    return {
        "health": health_of_services(),
        "performance": {
            "workers": len(living(session.connection(), now - SILENT_FOR)),
            "queues": _queues(),
            "endedIn24h": ends_since(session, now - DAY),
            "recentJobs": {"count": durations.jobs, "meanMs": durations.mean_ms, "p95Ms": durations.p95_ms},
        },
        "updateStats": {
            "daily": _freshness(stats.daily_freshness(session, now)),
            "weekly": _freshness(stats.weekly_freshness(session, now)),
        },
        "scheduleStats": {
            "timezone": "UTC",
            "usersPerHour": stats.users_per_slot(session, "hour"),
            "usersPerDay": stats.users_per_slot(session, "day"),
        },
    }


def job_statuses(session: Session, now: datetime) -> list[dict[str, Any]]:
    """Every entry: what it does now, its last session, its next run (S0-12)."""
    running = {one.entry_id for one in get_running(session)}
    late = {one["jobName"]: one for one in overdue_entries(session, now)}
    return [
        {
            **entry_as_dict(entry),
            "status": _state(entry, is_running=entry.id in running),
            "lastSession": next(map(session_as_dict, get_sessions_by_job(session, entry.id, 1)), None),
            "nextRun": _next_run(entry, now),
            "overdue": late.get(entry.id),
        }
        for entry in entries.all_entries(session)
    ]


def stop_as_dict(stop: EmergencyStop | None) -> dict[str, Any] | None:
    """The emergency stop that lasts; None if none does."""
    if stop is None:
        return None
    return {
        "since": stop.at,
        "by": stop.by,
        "reason": stop.why,
        "queues": stop.queues,
        "jobs": sorted(stop.entries),
    }


def _queues() -> dict[str, Any] | None:
    """Each queue now; None while Redis is away: the rest is worth seeing just then."""
    found: dict[str, Any] = {}
    try:
        for name in queues():
            queue = find_queue(name)
            found[name] = {**queue.get_job_counts(), "paused": queue.is_paused()}
    except RedisError:
        return None
    return found


def _freshness(freshness: stats.Freshness) -> dict[str, Any]:
    return {
        "users": freshness.users,
        "fresh": freshness.fresh,
        "late": freshness.late,
        "never": freshness.never,
        "oldest": freshness.oldest,
    }


def _state(entry: CrontabEntry, *, is_running: bool) -> str:
    if is_running:
        return "running"
    if not entry.enabled:
        return "stopped"
    return "scheduled" if entries.is_ours(entry) else "not in this environment"


def _next_run(entry: CrontabEntry, now: datetime) -> datetime | None:
    if not entry.enabled or not entries.is_ours(entry):
        return None
    return next(iter(next_runs(entry.schedule, entry.timezone, now, 1)), None)
