"""What should have run by now and has not: never in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.crontab import entries
from app.crontab.cron import slots_between
from app.crontab.slots import MISSED_AFTER, parse_slot
from app.models.job_status import OPEN_OF_CRONTAB, JobStatus


@dataclass(frozen=True, slots=True)
class Overdue:
    """An entry whose slot is late: ``not added`` by any producer, or ``not started`` by any worker."""

    entry_id: str
    slot: datetime
    why: Literal["not added", "not started"]


def overdue(session: Session, now: datetime) -> list[Overdue]:
    """The oldest late slot of each entry that has one, over five minutes after it fell due."""
    late = {one.entry_id: one for one in [*_not_started(session, now), *_not_added(session, now)]}
    return sorted(late.values(), key=lambda one: one.slot)


def _not_added(session: Session, now: datetime) -> Iterator[Overdue]:
    added_until = entries.cursors(session)
    for entry in entries.ticking(session):
        slot = next(slots_between(entry.schedule, entry.timezone, added_until[entry.id], now - MISSED_AFTER), None)
        if slot is not None:
            yield Overdue(entry.id, slot, "not added")


def _not_started(session: Session, now: datetime) -> Iterator[Overdue]:
    """By their rows: jobs of the crontab that were due and never claimed; the newest slot first."""
    unclaimed = JobStatus.started_at.is_(None)
    rows = select(JobStatus).where(OPEN_OF_CRONTAB, unclaimed, JobStatus.queued_at < now - MISSED_AFTER)
    for row in session.scalars(rows.order_by(JobStatus.queued_at.desc())):
        if row.queued_at + timedelta(milliseconds=row.delay_ms) < now - MISSED_AFTER:
            yield Overdue(row.data["entry"], parse_slot(row.data["slot"]), "not started")
