"""Adds what was promised and Redis does not have: it never got it, or has lost it (R11, R12)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from app import db
from app.broker.queue import Queue
from app.broker.recorder import NewJob
from app.jobs.engine import broker
from app.ledger.errors import unavailable_when_operational
from app.ledger.promises import confirm
from app.ledger.repairs import OpenRow, claim_repairs, unconfirmed
from app.ledger.standing import Standing, is_held, look
from app.ledger.workers import living
from app.models.job_status import Status

log = logging.getLogger(__name__)

#: A promise that is younger is still its producer's to add.
GRACE = timedelta(seconds=15)
#: Unseen for longer, a worker is dead as far as SQL knows.
WORKER_SILENCE = timedelta(seconds=15)
AT_ONCE = 500


def repair(now: datetime) -> int:
    """Look at every unconfirmed row; returns how many jobs were added.

    Raises RecorderUnavailable and redis.RedisError; nothing is lost by calling it again.
    """
    added = 0
    last: OpenRow | None = None
    alive = workers_alive(now)
    while True:
        with unavailable_when_operational(), db.engine().connect() as connection:
            rows = unconfirmed(connection, before=now - GRACE, limit=AT_ONCE, after=last)
        if not rows:
            return added
        last = rows[-1]
        for queue, standings in look(broker(), rows):
            added += _repair_queue(queue, standings, alive, now)


def workers_alive(now: datetime) -> set[str]:
    """The workers that SQL has heard of lately."""
    with unavailable_when_operational(), db.engine().connect() as connection:
        return living(connection, now - WORKER_SILENCE)


def is_running(row: OpenRow, alive: set[str]) -> bool:
    """Whether somebody may still run it: its worker lives, or its keeper, or its lock (R14)."""
    return row.status == Status.ACTIVE and (row.worker in alive or is_held(broker(), row))


def _repair_queue(queue: Queue, standings: Sequence[Standing], alive: set[str], now: datetime) -> int:
    present = [one.row.job for one in standings if one.is_there]
    absent = [one.row for one in standings if not one.is_there and not is_running(one.row, alive)]
    mine: list[NewJob] = []
    if present or absent:
        with unavailable_when_operational(), db.engine().begin() as connection:
            if present:
                confirm(connection, present, now)
            if absent:
                mine = claim_repairs(connection, absent)
    if mine:
        queue.add_recorded(mine)
        log.warning("repaired: %d promised jobs that Redis did not have were added to queue %s", len(mine), queue.name)
    return len(mine)
