"""A tick: every slot of the crontab that falls due soon becomes a delayed job, once (R23)."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import cast

from app import db
from app.broker.recorder import NewJob
from app.clock import to_ms
from app.crontab import entries
from app.crontab.slots import CatchUp, slot_name, slots_due
from app.domains.slots.assign import assign_missing, unscheduled
from app.jobs.catalog import SPECS
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import Slot
from app.models.crontab_entry import CrontabEntry

log = logging.getLogger(__name__)


def tick(now: datetime) -> int:
    """Add what falls due until 90 s from now; returns how many slots this call has added.

    Two ticks at once, a late one or a missed one change nothing: rows and cursor move in one transaction.
    """
    _schedule_who_was_left_out()
    with db.session() as session:
        entries.sync(session, now)
    with db.reading() as session:
        enabled = session.scalars(entries.enabled()).all()
    return sum(_add_slots(entry, now) for entry in enabled)


def _schedule_who_was_left_out() -> None:
    """Users whose slots could not be assigned when they were verified; most ticks find none, and write nothing."""
    with db.reading() as session:
        anybody = session.scalars(unscheduled().limit(1)).first()
    if anybody is not None:
        with db.session() as session:
            log.warning("%d verified users had no slots, and have them now", assign_missing(session))


def _add_slots(entry: CrontabEntry, now: datetime) -> int:
    with db.reading() as session:
        seen = entries.cursor(session, entry.id)
    slots = slots_due(entry.schedule, entry.timezone, cast("CatchUp", entry.catch_up), seen, now)
    if not slots:
        return 0
    jobs = [_job(entry, slot, now) for slot in slots]
    with db.session() as session:
        if not entries.advance(session, entry.id, seen, slots[-1]):
            return 0
        enqueue_with(session, jobs)
    log.info("crontab: %d slots of %s added, up to %s", len(slots), entry.id, slot_name(slots[-1]))
    return len(slots)


def _job(entry: CrontabEntry, slot: datetime, now: datetime) -> NewJob:
    name = slot_name(slot)
    promise_key = f"tick-{entry.id}-{name}"
    return new_job(
        SPECS[entry.job],
        Slot(entry=entry.id, slot=name, version=entry.version),
        job_id=promise_key,
        promise_key=promise_key,
        delay_ms=max(to_ms(slot) - to_ms(now), 0),
    )
