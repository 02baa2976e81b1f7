"""A tick: every slot of the crontab that falls due soon becomes a delayed job, once (R23)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import cast

from app import db
from app.crontab import entries
from app.crontab.adding import slot_job
from app.crontab.cron import InvalidSchedule
from app.crontab.reaper import reap
from app.crontab.sessions import record_skipped
from app.crontab.slots import CatchUp, slot_name, slots_due
from app.domains.slots.assign import assign_missing, unscheduled
from app.jobs.enqueue import enqueue_with
from app.models.crontab_entry import CrontabEntry

log = logging.getLogger(__name__)

#: Missed slots begin so far apart, so that a long pause is not followed by a stampede.
APART = timedelta(seconds=1)


def tick(now: datetime) -> int:
    """Add what falls due until 90 s from now; returns how many slots this call has added.

    Two ticks at once, a late one or a missed one change nothing: rows and cursor move in one transaction.
    """
    _schedule_who_was_left_out()
    with db.session() as session:
        entries.sync(session, now)
        reap(session, now)
    with db.reading() as session:
        ticking = entries.ticking(session)
    return sum(_add_slots(entry, now) for entry in ticking)


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
    try:
        due = slots_due(entry.schedule, entry.timezone, cast("CatchUp", entry.catch_up), seen, now)
    except InvalidSchedule as error:
        log.error("crontab: %s is left out: %s", entry.id, error)
        return 0
    if due.reaches is None:
        return 0
    jobs = [slot_job(entry, slot, delay) for slot, delay in zip(due.slots, _delays(due.slots, now), strict=True)]
    with db.session() as session:
        if not entries.advance(session, entry, seen, due.reaches):
            return 0
        if due.skipped is not None:
            reason = f"missed: nothing ticked, and the catch-up policy is {entry.catch_up!r}"
            record_skipped(session, entry.id, due.skipped, now, reason)
            log.warning("crontab: %d slots of %s were missed, and are skipped", due.skipped.count, entry.id)
        enqueue_with(session, jobs)
    log.info("crontab: %d slots of %s added, up to %s", len(jobs), entry.id, slot_name(due.reaches))
    return len(jobs)


def _delays(slots: list[datetime], now: datetime) -> list[int]:
    """Milliseconds until each slot; those that are past follow each other."""
    past = sum(slot <= now for slot in slots)
    waits = [number * APART for number in range(past)] + [slot - now for slot in slots[past:]]
    return [wait // timedelta(milliseconds=1) for wait in waits]
