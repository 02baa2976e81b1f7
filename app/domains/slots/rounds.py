"""The bodies of ``dailyUpdates`` and ``weeklyUpdates``: promise and enqueue whose slot it is, and only ids (S2-5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from app import db
from app.broker.errors import Park
from app.broker.recorder import NewJob
from app.clock import utc_now
from app.domains.slots.due import promise_daily, promise_weekly
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import ProcessUserData

#: Users promised in one transaction, and the time after which the thread is given to other cron jobs (R24).
CHUNK = 500
GIVE_WAY_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class Round:
    """Who is due in one cadence."""

    cadence: Literal["daily", "weekly"]
    promise: Callable[[Session, datetime, int], Sequence[str]]


DAILY = Round("daily", promise_daily)
WEEKLY = Round("weekly", promise_weekly)


def promise_updates(due: Round, slot: datetime) -> int:
    """Promise the slot to everybody whose slot it is; returns how many this run has promised.

    Raises Park when it has run for long and users are left: what is done stands in SQL, and the next run goes on.
    """
    began, promised = time.monotonic(), 0
    while chunk := promise_chunk(due, slot):
        promised += chunk
        if time.monotonic() - began > GIVE_WAY_AFTER_S:
            raise Park(utc_now(), f"{promised} users of slot {slot:%Y-%m-%d %H:%M} promised, others go first")
    return promised


def promise_chunk(due: Round, slot: datetime, limit: int = CHUNK) -> int:
    """Promise the slot to some users and write their rows in one transaction (R4), then add them; returns how many."""
    with db.session() as session:
        user_ids = due.promise(session, slot, limit)
        enqueue_with(session, [_job(due, user_id, slot) for user_id in user_ids])
    return len(user_ids)


def _job(due: Round, user_id: str, slot: datetime) -> NewJob:
    promise_key = f"{due.cadence}-{user_id}-{slot:%Y%m%dT%H}"
    payload = ProcessUserData(user_id=user_id, cadence=due.cadence)
    return new_job(PROCESS_USER_DATA, payload, job_id=promise_key, promise_key=promise_key)
