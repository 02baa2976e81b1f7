"""Ends that Redis had confirmed and has lost again: it still has their jobs, and would have them run once more (R6).

So it is after a failover to a replica that lagged, or a restart from an older file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from app import db
from app.broker.broker import BullMQBroker
from app.ledger.errors import unavailable_when_operational
from app.ledger.families import unsettle
from app.ledger.repairs import OpenRow
from app.ledger.standing import look
from app.ledger.unsettled import ENDS, Place, settled

#: How much Redis can have lost and still have older data: by its own defaults, its file is an hour old at most.
LOOK_BACK = timedelta(hours=2)
AT_ONCE = 500


def unsettle_forgotten(broker: BullMQBroker, now: datetime) -> int:
    """Have the next claim of each such job settle it from its row, not run it. Returns how many there are.

    Call it after a loss and before claims go on: later, such a job may be a retry by hand. Raises RecorderUnavailable
    and redis.RedisError; it may be called again.
    """
    count = 0
    for rows in _settled_pages(now - LOOK_BACK):
        for _, standings in look(broker, rows):
            if forgotten := [one.row for one in standings if one.is_there and not one.ended]:
                with unavailable_when_operational(), db.engine().begin() as connection:
                    unsettle(connection, forgotten)
                count += len(forgotten)
    return count


def _settled_pages(since: datetime) -> Iterator[list[OpenRow]]:
    for status in ENDS:
        place: Place = (since, 0)
        while True:
            with unavailable_when_operational(), db.engine().connect() as connection:
                rows, place = settled(connection, status, AT_ONCE, place)
            if not rows:
                break
            yield rows
