"""Crontab entries and sessions as the API shows them, in the names of document 004."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from app.crontab.cron import in_words
from app.models.cron_session import CronSession
from app.models.crontab_entry import CrontabEntry


class ShownEntry(TypedDict):
    """JobConfig (S4-13) and the rest; ``timeout`` in ms, ``retryCount`` without the first run (C1)."""

    jobName: str
    title: str
    job: str
    enabled: bool
    schedule: str
    scheduleInWords: str
    timezone: str
    timeout: int
    retryCount: int
    alertOnFailure: bool
    catchUp: str
    memoryLimitMb: int | None
    data: dict[str, Any]
    environments: list[str]
    source: str
    version: int
    changedBy: str | None
    changedAt: datetime | None


class ShownSession(TypedDict):
    """CronSession (S4-5) and the rest; ``duration`` in ms, memory in bytes (S4-15)."""

    id: int
    jobName: str
    startTime: datetime
    endTime: datetime | None
    status: str
    error: str | None
    metadata: Any
    duration: int | None
    entry: str
    slot: datetime
    manual: bool
    attempt: int
    willRetry: bool
    jobId: str | None
    worker: str | None
    memoryUsed: int | None
    peakMemory: int | None


def entry_as_dict(entry: CrontabEntry) -> ShownEntry:
    """An entry in the document's names and units."""
    return {
        "jobName": entry.id,
        "title": entry.title,
        "job": entry.job,
        "enabled": entry.enabled,
        "schedule": entry.schedule,
        "scheduleInWords": in_words(entry.schedule),
        "timezone": entry.timezone,
        "timeout": entry.timeout_s * 1_000,
        "retryCount": entry.attempts - 1,
        "alertOnFailure": entry.alert_on_failure,
        "catchUp": entry.catch_up,
        "memoryLimitMb": entry.memory_limit_mb,
        "data": entry.data,
        "environments": entry.environments,
        "source": entry.source,
        "version": entry.version,
        "changedBy": entry.changed_by,
        "changedAt": entry.changed_at,
    }


def session_as_dict(session: CronSession) -> ShownSession:
    """A session in the document's names and units."""
    return {
        "id": session.id,
        "jobName": session.job_name,
        "startTime": session.start_time,
        "endTime": session.end_time,
        "status": session.status,
        "error": session.error,
        "metadata": session.details,
        "duration": session.duration_ms,
        "entry": session.entry_id,
        "slot": session.slot,
        "manual": session.manual,
        "attempt": session.attempt,
        "willRetry": session.will_retry,
        "jobId": session.job_id,
        "worker": session.worker,
        "memoryUsed": session.memory_used,
        "peakMemory": session.peak_memory,
    }
