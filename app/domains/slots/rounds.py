"""The bodies of ``dailyUpdates`` and ``weeklyUpdates``: promise and enqueue whose slot it is, and only ids (S2-5)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from app import db
from app.broker.errors import Park
from app.broker.recorder import NewJob
from app.clock import to_ms, utc_now
from app.domains.slots.cycle import Cycle
from app.domains.slots.due import promise
from app.domains.slots.pace import Turn, turns
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.enqueue import add_committed, new_job
from app.jobs.payloads import ProcessUserData
from app.ledger.promises import promise as write_promises

#: Users promised in one transaction, and the time after which the thread is given to other cron jobs (R24).
CHUNK = 1_000
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
        jobs = list(update_jobs(cycle, turns(session, cycle, slot, users)))
        # All that is promised stands with this commit, so what is to be added need not be looked up again.
        to_add = write_promises(session.connection(), jobs)
    add_committed(to_add)
    return len(users)


def update_jobs(cycle: Cycle, turns: Iterable[Turn], name: str = "") -> Iterator[NewJob]:
    """The jobs of these turns, each due at its moment; promised twice under one name, a slot is one job (R2).

    They differ in little, so they are made from one: a tick of many users is mostly this.
    """
    of_anybody = new_job(PROCESS_USER_DATA, ProcessUserData(user_id="-", cadence=cycle.cadence), job_id="-")
    for turn in turns:
        promise_key = f"{cycle.cadence}-{turn.user_id}-{turn.slot:%Y%m%dT%H}{name}"
        delay_ms = max(to_ms(turn.at) - of_anybody.added_ms, 0)
        yield replace(
            of_anybody,
            id=promise_key,
            promise_key=promise_key,
            data={**of_anybody.data, "user_id": turn.user_id},
            delay_ms=delay_ms,
            opts={**of_anybody.opts, "delay": delay_ms} if delay_ms else of_anybody.opts,
        )
