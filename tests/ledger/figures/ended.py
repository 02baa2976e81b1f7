"""Rows of jobs that have ended, as many as wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import insert

from app import db
from app.ledger.rows import job_attempt, job_status
from app.models.job_status import Status

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NUMBERS = count(1)


def row(ended_at: datetime, status: str = Status.COMPLETED, *, wait_ms: int = 0, run_ms: int = 0, **fields: Any) -> Any:
    """A job that has waited and run that long, once."""
    started_at = ended_at - timedelta(milliseconds=run_ms)
    queued_at = started_at - timedelta(milliseconds=wait_ms + fields.get("delay_ms", 0))
    return {
        "queue": "user-updates",
        "job_id": f"e{next(NUMBERS)}",
        "added_ms": 1,
        "name": "process_user_data",
        "data": {},
        "opts": {},
        "attempts": 1,
        "attempts_made": 1,
        "run": 1,
        "step": 0,
        "crashes": 0,
        "repairs": 0,
        "priority": 0,
        "delay_ms": 0,
        "error": None,
        "user_id": None,
        "status": status,
        "queued_at": queued_at,
        "confirmed_at": queued_at,
        "started_at": started_at,
        "ended_at": ended_at,
        "duration_ms": run_ms,
        **fields,
    }


def write(*rows: Any) -> None:
    """Into the ledger."""
    with db.engine().begin() as connection:
        connection.execute(insert(job_status), list(rows))


def write_first_run(job: str, started_at: datetime) -> None:
    """The first run of a job that has had several."""
    with db.engine().begin() as connection:
        of_job = job_status.select().where(job_status.c.job_id == job)
        key = connection.execute(of_job).one().id
        run = {"job": key, "run": 1, "attempt": 1, "kind": "retrying", "started_at": started_at, "ended_at": started_at}
        connection.execute(insert(job_attempt), [run])
