"""Ends the sessions of runs whose worker died: none stays RUNNING for ever (C24)."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.crontab.alert import alert
from app.crontab.sessions import end_session, get_running
from app.ledger.workers import SILENT_FOR, living
from app.models.cron_session import CronSession
from app.models.crontab_entry import CrontabEntry
from app.models.job_status import JobStatus

log = logging.getLogger(__name__)

LOST = "worker lost"


def reap(session: Session, now: datetime) -> int:
    """Sessions FAILED in the caller's transaction: their job has ended without them, or their worker is silent.

    If the job runs again, that run has a session of its own; if the silent worker ends the run after all, its end
    stands. Returns how many.
    """
    alive = living(session.connection(), now - SILENT_FOR)
    reaped = 0
    for record in get_running(session):
        loss = _loss(session, record, alive, now)
        if loss is not None:
            _fail(session, record, loss, now)
            reaped += 1
    return reaped


def _loss(session: Session, record: CronSession, alive: set[str], now: datetime) -> tuple[str, bool] | None:
    """What became of its run, and whether another follows; None if all is well with it."""
    newest = select(JobStatus).where(JobStatus.job_id == record.job_id).order_by(JobStatus.id.desc()).limit(1)
    job = session.scalars(newest).first()
    if job is None or job.ended_at is not None:
        return f"{LOST}: {job.error}" if job is not None and job.error else LOST, False
    if record.worker is None or record.worker in alive or now - record.start_time < SILENT_FOR:
        return None
    return LOST, True


def _fail(session: Session, record: CronSession, loss: tuple[str, bool], now: datetime) -> None:
    error, will_retry = loss
    session.refresh(record, with_for_update=True)
    if record.end_time is not None:
        return
    end_session(session, record.id, now, error=error, will_retry=will_retry)
    entry = session.get(CrontabEntry, record.entry_id)
    log.warning("crontab: session %s of %s ends: %s", record.id, record.entry_id, error)
    if entry is not None and entry.alert_on_failure and not will_retry:
        alert(entry, record, error)
