"""The records of runs (S4-5, S4-6): one RUNNING per entry, by a unique index (R9).

Functions take the caller's database session and write in its transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Select, Table, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.crontab.slots import Skipped
from app.models.cron_session import CronSession, SessionStatus

sessions = cast("Table", CronSession.__table__)
RUNNING = CronSession.status == SessionStatus.RUNNING


@dataclass(frozen=True, slots=True)
class Use:
    """What a run used: bytes more than at its start, and the most that its process held."""

    memory_used: int
    peak_memory: int


def create_session(
    session: Session,
    entry_id: str,
    slot: datetime,
    at: datetime,
    *,
    job_id: str,
    manual: bool = False,
    worker: str | None = None,
    attempt: int = 1,
) -> int | None:
    """A RUNNING session; None while the entry has one already. ``worker`` None: nobody has started it yet."""
    row = {
        "entry_id": entry_id,
        "job_name": f"{entry_id} (manual)" if manual else entry_id,
        "job_id": job_id,
        "slot": slot,
        "manual": manual,
        "worker": worker,
        "attempt": attempt,
        "start_time": at,
        "status": SessionStatus.RUNNING,
        "will_retry": False,
    }
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    created = dialect.insert(sessions).values(row).on_conflict_do_nothing().returning(sessions.c.id)
    return session.execute(created).scalar()


def take_over(session: Session, job_id: str, worker: str, attempt: int) -> int | None:
    """The RUNNING session of this very job is this worker's now: it was triggered, parked, or its worker died."""
    mine = update(CronSession).where(CronSession.job_id == job_id, RUNNING).values(worker=worker, attempt=attempt)
    return session.execute(mine.returning(CronSession.id)).scalar()


def set_waiting(session: Session, session_id: int, worker: str) -> None:
    """That worker's run is put off: it stays RUNNING, and is nobody's until the job runs again."""
    its = (CronSession.id == session_id, CronSession.worker == worker, RUNNING)
    session.execute(update(CronSession).where(*its).values(worker=None))


def end_session(
    session: Session,
    session_id: int,
    at: datetime,
    *,
    error: str | None = None,
    will_retry: bool = False,
    details: dict[str, Any] | None = None,
    use: Use | None = None,
) -> CronSession:
    """COMPLETED, or FAILED with the error. Its duration is counted from its own start."""
    record = session.get_one(CronSession, session_id)
    record.status = SessionStatus.COMPLETED if error is None else SessionStatus.FAILED
    record.end_time = at
    record.duration_ms = max(round((at - record.start_time) / timedelta(milliseconds=1)), 0)
    record.error = error
    record.will_retry = will_retry
    record.worker = None
    if details:
        record.details = {**(record.details or {}), **details}
    if use is not None:
        record.memory_used, record.peak_memory = use.memory_used, use.peak_memory
    session.flush()
    return record


def record_skipped(session: Session, entry_id: str, skipped: Skipped, at: datetime, reason: str) -> None:
    """One visible row for slots that do not run."""
    row = {
        "entry_id": entry_id,
        "job_name": entry_id,
        "slot": skipped.first,
        "manual": False,
        "attempt": 0,
        "start_time": at,
        "end_time": at,
        "duration_ms": 0,
        "status": SessionStatus.SKIPPED,
        "error": reason,
        "will_retry": False,
        "details": {"skipped": skipped.count, "until": skipped.last.isoformat()},
    }
    session.execute(insert(CronSession).values(row))


def get_sessions(session: Session, limit: int = 100) -> Sequence[CronSession]:
    """The newest of all."""
    return session.scalars(_newest().limit(limit)).all()


def get_sessions_by_job(session: Session, entry_id: str, limit: int = 50) -> Sequence[CronSession]:
    """The newest of one entry, those by hand among them."""
    return session.scalars(_newest().where(CronSession.entry_id == entry_id).limit(limit)).all()


def get_running(session: Session, entry_id: str | None = None) -> Sequence[CronSession]:
    """The RUNNING ones, of one entry or of all."""
    running = _newest().where(RUNNING)
    return session.scalars(running if entry_id is None else running.where(CronSession.entry_id == entry_id)).all()


def count_failures(session: Session, since: datetime) -> int:
    """Sessions that FAILED since then for good: a run that is tried again has not failed yet (C15)."""
    failed = (CronSession.status == SessionStatus.FAILED, CronSession.will_retry.is_(False))
    counted = select(func.count()).select_from(CronSession).where(*failed, CronSession.start_time >= since)
    return session.scalar(counted) or 0


def _newest() -> Select[CronSession]:
    return select(CronSession).order_by(CronSession.start_time.desc(), CronSession.id.desc())
