"""Rows of jobs and sessions, as they would be at the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from sqlalchemy import insert

from app import db
from app.ledger.rows import job_status
from app.models.cron_session import CronSession, SessionStatus
from app.models.job_status import Status

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
NUMBERS = count(1)


def job(
    ended_at: datetime | None, status: str = Status.COMPLETED, took_ms: int | None = None, **fields: object
) -> None:
    """One row; it was queued a minute before its end."""
    number = next(NUMBERS)
    queued_at = (ended_at or NINE) - timedelta(minutes=1)
    row = {
        "queue": "user-updates",
        "job_id": f"j{number}",
        "added_ms": 1,
        "name": "process_user_data",
        "data": {},
        "opts": {},
        "attempts": 1,
        "status": status,
        "queued_at": queued_at,
        "confirmed_at": queued_at,
        "started_at": queued_at,
        "ended_at": ended_at,
        "duration_ms": took_ms,
    }
    with db.engine().begin() as connection:
        connection.execute(insert(job_status), [{**row, **fields}])


def session(entry: str, start: datetime, status: SessionStatus = SessionStatus.COMPLETED, **fields: object) -> None:
    """One session, of a second unless it runs."""
    end = None if status == SessionStatus.RUNNING else start + SECOND
    with db.session() as opened:
        known = {"slot": start, "start_time": start, "end_time": end, "status": status, **fields}
        opened.add(CronSession(entry_id=entry, job_name=entry, **known))
