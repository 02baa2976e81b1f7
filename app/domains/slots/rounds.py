"""The bodies of ``dailyUpdates`` and ``weeklyUpdates``: promise and enqueue whose slot it is, and only ids (S2-5)."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from app import db
from app.broker.errors import Park
from app.broker.recorder import NewJob
from app.clock import to_ms, utc_now
from app.domains.slots.cycle import Cycle
from app.domains.slots.due import promise
from app.domains.slots.pace import turns
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import ProcessUserData

#: Users promised in one transaction, and the time after which the thread is given to other cron jobs (R24).
CHUNK = 500
GIVE_WAY_AFTER_S = 2.0


def promise_updates(cycle: Cycle, slot: datetime) -> int:
    """Promise the slot to everybody whose slot it is; returns how many this run has promised.

    Raises Park when it has run for long and users are left: what is done stands in SQL, and the next run goes on.
    """
    began, promised = time.monotonic(), 0
    while chunk := promise_chunk(cycle, slot):
        promised += chunk
        if time.monotonic() - began > GIVE_WAY_AFTER_S:
            raise Park(utc_now(), f"{promised} users of slot {slot:%Y-%m-%d %H:%M} promised, others go first")
    return promised


def promise_chunk(cycle: Cycle, slot: datetime, limit: int = CHUNK) -> int:
    """Promise the slot to some users and write their rows in one transaction (R4), then add them; returns how many.

    Each job is delayed to its user's turn within the slot: a day, or a week, after the last one.
    """
    with db.session() as session:
        users = promise(session, cycle, slot, limit)
        at = turns(session, cycle, slot, users)
        enqueue_with(session, [update_job(cycle, user.user_id, slot, one) for user, one in zip(users, at, strict=True)])
    return len(users)


def update_job(cycle: Cycle, user_id: str, slot: datetime, at: datetime, name: str = "") -> NewJob:
    """The job of a slot, due at that moment; promised twice under one name, it is one job (R2)."""
    promise_key = f"{cycle.cadence}-{user_id}-{slot:%Y%m%dT%H}{name}"
    payload = ProcessUserData(user_id=user_id, cadence=cycle.cadence)
    job = new_job(PROCESS_USER_DATA, payload, job_id=promise_key, promise_key=promise_key)
    delay_ms = to_ms(at) - job.added_ms
    return replace(job, delay_ms=delay_ms, opts={**job.opts, "delay": delay_ms}) if delay_ms > 0 else job
