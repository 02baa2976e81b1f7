"""Adds what was promised and Redis does not have: it never got it, or has lost it (R11, R12)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from app import db
from app.broker.queue import Queue
from app.jobs.engine import broker
from app.ledger.errors import unavailable_when_operational
from app.ledger.promises import confirm
from app.ledger.repairs import OpenRow, claim_repairs, unconfirmed
from app.ledger.standing import is_running, look
from app.ledger.workers import living
from producer.flows import members_of_flows, restore_flows

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
        added += _repair_page(rows, alive, now)


def workers_alive(now: datetime) -> set[str]:
    """The workers that SQL has heard of lately."""
    with unavailable_when_operational(), db.engine().connect() as connection:
        return living(connection, now - WORKER_SILENCE)


def _repair_page(rows: Sequence[OpenRow], alive: set[str], now: datetime) -> int:
    added = 0
    in_flows: list[OpenRow] = []
    together = members_of_flows(broker(), rows)
    for queue, standings in look(broker(), rows):
        present = [one.row for one in standings if one.is_there]
        absent = [one.row for one in standings if not one.is_there]
        if present:
            with unavailable_when_operational(), db.engine().begin() as connection:
                confirm(connection, [row.job for row in present], now)
        in_flows += [row for row in absent if row.id in together]
        alone = [row for row in absent if row.id not in together and not is_running(broker(), row, alive)]
        added += _add(queue, alone) if alone else 0
    return added + restore_flows(broker(), in_flows, alive, now)


def _add(queue: Queue, absent: Sequence[OpenRow]) -> int:
    with unavailable_when_operational(), db.engine().begin() as connection:
        mine = claim_repairs(connection, absent)
    if mine:
        queue.add_recorded(mine)
        log.warning("repaired: %d promised jobs that Redis did not have were added to queue %s", len(mine), queue.name)
    return len(mine)
