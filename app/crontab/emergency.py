"""The emergency stop: all queues paused and all entries off, and a restart that undoes exactly that (C27).

It stands in SQL before it is true in Redis, so that it survives restarts and the loss of Redis (R16). Both acts can be
repeated when Redis was away in the middle of one: a stop adds what has come since, a restart goes on. Redis is told
under the lock of the stop's row: of a stop and a restart at once, one comes last in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from app import db
from app.broker.errors import JobNotFound, WrongState
from app.broker.steering import set_paused
from app.crontab import entries
from app.jobs.catalog import queues
from app.jobs.engine import find_queue
from app.ledger import audit
from app.ledger.batch import insert_missing
from app.ledger.settings import keep_setting, settings_by_queue
from app.models.crontab_entry import CrontabEntry
from app.models.emergency_stop import EmergencyStop

emergency_stop = cast("Table", EmergencyStop.__table__)

TARGET = "all jobs"
MOST_CANCELLED = 10_000  # of each queue


class EverythingStopped(RuntimeError):
    """Nothing is started while an emergency stop lasts."""

    def __init__(self, stop: EmergencyStop) -> None:
        since = stop.at.isoformat(timespec="seconds")
        super().__init__(f"everything has been stopped since {since}; restart the jobs first")


def standing(session: Session) -> EmergencyStop | None:
    """The stop that lasts."""
    return session.get(EmergencyStop, 1)


def refuse_while_stopped(session: Session) -> None:
    """Call it before anything is started. Raises EverythingStopped."""
    stop = standing(session)
    if stop is not None:
        raise EverythingStopped(stop)


def change_entry(
    session: Session, name: str, changes: dict[str, Any], *, by: str, at: datetime, why: str | None = None
) -> CrontabEntry:
    """``entries.change``, as it is allowed while a stop lasts: nothing is switched on, and what is switched off by hand
    stays off after the restart. Raises EverythingStopped too.
    """
    if changes.get("enabled"):
        refuse_while_stopped(session)
    if changes.get("enabled") is False:
        _keep_off(session, entries.find(session, name), by=by, at=at, why=why)
    return entries.change(session, name, changes, by=by, at=at, why=why)


def stop_everything(*, by: str, at: datetime, why: str | None = None) -> EmergencyStop:
    """Nothing is claimed and nothing falls due any more; what runs may finish. Raises redis.RedisError.

    When that is raised the stop is in SQL and not in every queue: repeat it.
    """
    with db.session() as session:
        stop = _begin(session, by, at, why)
        connection = session.connection()
        paused = {name for name, kept in settings_by_queue(connection).items() if kept.get("paused")}
        stop.queues = sorted({*stop.queues, *queues()} - (paused - {*stop.queues}))
        for queue in queues():
            keep_setting(connection, queue, "paused", True)
        stop.entries = {**stop.entries, **_switch_off(session, by=by, at=at, why=why)}
        details = {"queues": stop.queues, "entries": sorted(stop.entries)}
        audit.record(session, by, "jobs.stopped", TARGET, at=at, why=why, details=details)
    with db.session() as session:
        if _locked(session) is not None:
            for queue in queues():
                set_paused(find_queue(queue), paused=True)
    return stop


def cancel_running(*, by: str, at: datetime, why: str) -> dict[str, list[str]]:
    """End what runs now, for good; returns the jobs' ids by queue. Raises redis.RedisError."""
    running = {name: [job.id for job in find_queue(name).get_jobs(["active"], end=MOST_CANCELLED)] for name in queues()}
    running = {name: ids for name, ids in running.items() if ids}
    with db.session() as session:
        audit.record(session, by, "jobs.cancelled", TARGET, at=at, why=why, details=running)
    for name, ids in running.items():
        for job_id in ids:
            with suppress(JobNotFound, WrongState):  # it has ended by itself
                find_queue(name).cancel(job_id, f"emergency stop: {why}")
    return running


def restart(*, by: str, at: datetime, why: str | None = None) -> EmergencyStop | None:
    """What the stop has paused and switched off goes on; returns that stop, None if there was none.

    Entries begin now: what fell due meanwhile is not caught up. Raises redis.RedisError; repeat it then.
    """
    with db.session() as session:
        stop = _locked(session)
        if stop is None:
            return None
        for queue in stop.queues:
            keep_setting(session.connection(), queue, "paused", None)
            set_paused(find_queue(queue), paused=False)
        _switch_on(session, stop.entries, by=by, at=at, why=why)
        session.delete(stop)
        details = {"queues": stop.queues, "entries": sorted(stop.entries)}
        audit.record(session, by, "jobs.restarted", TARGET, at=at, why=why, details=details)
    return stop


def _locked(session: Session) -> EmergencyStop | None:
    """The stop that lasts, nobody else's until the transaction ends: locked before any entry is."""
    return session.get(EmergencyStop, 1, with_for_update=True)


def _keep_off(session: Session, entry: CrontabEntry, *, by: str, at: datetime, why: str | None) -> None:
    stop = _locked(session)
    if stop is not None and entry.id in stop.entries:
        stop.entries = {entry_id: was for entry_id, was in stop.entries.items() if entry_id != entry.id}
        audit.record(session, by, "entry.kept_off", f"entry {entry.id}", at=at, why=why)


def _begin(session: Session, by: str, at: datetime, why: str | None) -> EmergencyStop:
    """The stop that lasts already, or a new one; a restart may be faster than the lock."""
    begun = {"id": 1, "at": at, "by": by, "why": why, "queues": [], "entries": {}}
    while (stop := _locked(session)) is None:
        session.execute(insert_missing(session.connection(), emergency_stop, list(emergency_stop.c), [begun]))
    return stop


def _switch_off(session: Session, *, by: str, at: datetime, why: str | None) -> dict[str, bool]:
    """The entries that were on, each with whether that was an operator's doing."""
    on = select(CrontabEntry).where(CrontabEntry.enabled).order_by(CrontabEntry.id).with_for_update()
    were_on = {entry.id: "enabled" in entry.overridden for entry in session.scalars(on)}
    for entry_id in were_on:
        entries.change(session, entry_id, {"enabled": False}, by=by, at=at, why=why)
    return were_on


def _switch_on(session: Session, stopped: Mapping[str, bool], *, by: str, at: datetime, why: str | None) -> None:
    """Those of them that are still there. Where the code had the say whether an entry is on, it has it again."""
    for entry_id, was_an_operators in stopped.items():
        if session.get(CrontabEntry, entry_id) is None:
            continue
        entry = entries.change(session, entry_id, {"enabled": True}, by=by, at=at, why=why)
        if not was_an_operators:
            entry.overridden = [name for name in entry.overridden if name != "enabled"]
