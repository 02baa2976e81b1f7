"""What /app/jobs/admin shows: the whole system in one document, and each scheduled job."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from app.api.cron_replies import ShownEntry, ShownSession, entry_as_dict, session_as_dict
from app.api.health import Health, Late, health_of_services, overdue_entries
from app.crontab import entries
from app.crontab.sessions import get_running, get_sessions_by_job
from app.crontab.table import next_runs
from app.domains.maintenance.statistics import (
    Performance,
    Updates,
    UsersPerSlot,
    performance,
    updates,
    users_per_slot,
)
from app.models.crontab_entry import CrontabEntry
from app.models.emergency_stop import EmergencyStop


class ScheduleStats(UsersPerSlot):
    """How users are spread over the slots."""

    timezone: Literal["UTC"]


class SystemStats(TypedDict):
    """The whole system (S0-11)."""

    health: Health
    performance: Performance
    updateStats: Updates
    scheduleStats: ScheduleStats


class JobState(ShownEntry):
    """An entry, what it does now, its last session, its next run (S0-12)."""

    status: str
    lastSession: ShownSession | None  # noqa: N815 - the API's name
    nextRun: datetime | None  # noqa: N815 - the API's name
    overdue: Late | None


class ShownStop(TypedDict):
    """An emergency stop: since when, by whom and why, and the queues and entries that it stopped."""

    since: datetime
    by: str
    reason: str | None
    queues: list[str]
    jobs: list[str]


def system_stats(session: Session, now: datetime) -> SystemStats:
    """Health and performance, Update Stats and Schedule Stats (S0-11)."""
    return {
        "health": health_of_services(),
        "performance": performance(session, now),
        "updateStats": updates(session, now),
        "scheduleStats": {"timezone": "UTC", **users_per_slot(session)},
    }


def job_statuses(session: Session, now: datetime) -> list[JobState]:
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


def stop_as_dict(stop: EmergencyStop | None) -> ShownStop | None:
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
