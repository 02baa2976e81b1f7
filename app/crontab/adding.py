"""A slot as a queued job: under its own id, delayed to its second, with its entry's limits."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from app.broker.job import encode_json
from app.broker.message import DRAMATIQ
from app.broker.recorder import NewJob
from app.crontab import entries
from app.crontab.code import jobs
from app.crontab.sessions import create_session, get_running
from app.crontab.slots import slot_name
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import Slot
from app.ledger import audit
from app.models.crontab_entry import CrontabEntry


class AlreadyRunning(RuntimeError):
    """One run of an entry at a time (S4-16)."""

    def __init__(self, entry_id: str, since: datetime) -> None:
        super().__init__(f"{entry_id!r} has been running since {since.isoformat(timespec='seconds')}; wait for its end")


def slot_job(entry: CrontabEntry, slot: datetime, delay_ms: int) -> NewJob:
    """The job of a slot; promised twice, it is one job (R2)."""
    key = f"tick-{entry.id}-{slot_name(slot)}"
    return replace(_job(entry, slot, job_id=key, delay_ms=delay_ms), promise_key=key)


def trigger(session: Session, name: str, *, by: str, at: datetime, why: str | None = None) -> int:
    """Run an entry now, whatever its schedule, even a stopped one; returns the id of its session.

    The session is RUNNING from now on, and the job is added with the caller's commit. Raises EntryNotFound and
    AlreadyRunning.
    """
    entry = entries.find(session, name)
    if entry.job not in jobs():
        raise entries.EntryNotFound(name)
    job = _job(entry, at, job_id=f"manual-{entry.id}-{slot_name(at)}-{secrets.token_hex(3)}", manual=True)
    session_id = create_session(session, entry.id, at, at, job_id=job.id, manual=True)
    if session_id is None:
        running = get_running(session, entry.id)
        raise AlreadyRunning(entry.id, running[0].start_time if running else at)
    audit.record(session, by, "entry.triggered", f"entry {entry.id}", at=at, why=why, details={"session": session_id})
    enqueue_with(session, [job])
    return session_id


def _job(entry: CrontabEntry, slot: datetime, *, job_id: str, delay_ms: int = 0, manual: bool = False) -> NewJob:
    spec = replace(jobs()[entry.job].spec, attempts=entry.attempts)
    payload = Slot(entry=entry.id, slot=slot_name(slot), version=entry.version, manual=manual)
    job = new_job(spec, payload, job_id=job_id, delay_ms=delay_ms)
    limits = encode_json({"options": {"time_limit": entry.timeout_s * 1_000}}).decode()
    return replace(job, opts={**job.opts, DRAMATIQ: limits})
