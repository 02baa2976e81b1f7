"""Adds what was promised and never reached Redis: whoever promised it died in between, or Redis was away (R11, R12)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from app import db
from app.broker.recorder import NewJob
from app.jobs.engine import broker
from app.ledger.errors import unavailable_when_operational
from app.ledger.promises import Unconfirmed, claim_repairs, confirm, unconfirmed

log = logging.getLogger(__name__)

#: A promise that is younger is still its producer's to add.
GRACE = timedelta(seconds=15)
AT_ONCE = 500


def repair(now: datetime) -> int:
    """Look at the oldest unconfirmed promises; returns how many jobs were added again.

    Raises RecorderUnavailable and redis.RedisError; nothing is lost by calling it again.
    """
    with unavailable_when_operational(), db.engine().begin() as connection:
        promises = unconfirmed(connection, before=now - GRACE, limit=AT_ONCE)
    by_queue = groupby(sorted(promises, key=lambda one: one.job.queue), key=lambda one: one.job.queue)
    return sum(_repair_queue(queue, list(some), now) for queue, some in by_queue)


def _repair_queue(name: str, promises: Sequence[Unconfirmed], now: datetime) -> int:
    queue = broker().queue(name)
    with queue.redis.pipeline(transaction=False) as pipe:
        for one in promises:
            pipe.exists(queue.keys[one.job.id])
        found = pipe.execute()
    present = [one.job for one, exists in zip(promises, found, strict=True) if exists]
    absent = [one for one, exists in zip(promises, found, strict=True) if not exists]
    mine: list[NewJob] = []
    with unavailable_when_operational(), db.engine().begin() as connection:
        if present:
            confirm(connection, present, now)
        if absent:
            mine = claim_repairs(connection, absent)
    if mine:
        queue.add_recorded(mine)
        log.warning("repaired: %d promised jobs of queue %s had never been added", len(mine), name)
    return len(mine)
