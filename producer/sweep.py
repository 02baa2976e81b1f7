"""The slow look at everything, hourly and after a loss: where one side has ended the other ends too (R13, R15)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from app import db
from app.broker.broker import BullMQBroker
from app.broker.errors import JobNotFound
from app.broker.taking import end_where_it_waits
from app.ledger.errors import unavailable_when_operational
from app.ledger.repairs import OpenRow, end_as_settled, end_missing, open_rows
from app.ledger.standing import Standing, look
from app.ledger.unsettled import Unsettled, settle_rows, unsettled
from app.ledger.workers import forget
from app.models.job_status import Status

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(days=1)
#: What ended less long ago may still be on its way to Redis.
GRACE = timedelta(minutes=1)
#: How far the first sweep of a process looks back at ends, and how much of that time at once.
LOOK_BACK = timedelta(days=1)
WINDOW = timedelta(minutes=10)
AT_ONCE = 500
#: A sweep works that long, then the producer looks at what is urgent, and it goes on where it was.
SLICE_S = 3.0
#: In this order no row escapes a sweep: what runs may wait again, and what waits is only ever claimed from Redis.
OPEN = (Status.ACTIVE, Status.WAITING, Status.DELAYED)


def open_pages(*statuses: Status) -> Iterator[list[OpenRow]]:
    """Every open row of these statuses, a page at a time."""
    for status in statuses:
        last = 0
        while True:
            with unavailable_when_operational(), db.engine().connect() as connection:
                rows = open_rows(connection, status, AT_ONCE, last)
            if not rows:
                break
            yield rows
            last = rows[-1].id


class Sweep:
    """Goes on where it was, at each call; rests after every page as long as that took.

    So it never has more than half of the database's time, or of Redis's. ``is_whole`` says that Redis has lost nothing.
    """

    def __init__(
        self,
        broker: BullMQBroker,
        is_whole: Callable[[], bool],
        rest: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._is_whole = is_whole
        self._rest = rest
        self._timer = timer
        self._began_at: datetime | None = None
        self._settled_until: datetime | None = None
        self._steps: Iterator[None] = iter(())
        self._removed = 0

    def again(self) -> None:
        """After a loss: from the beginning, at the next call. Ends that were confirmed before may be so no more."""
        self._began_at = self._settled_until = None

    def __call__(self, now: datetime) -> None:
        """Some pages of it. Raises RecorderUnavailable and redis.RedisError, and then begins again."""
        if self._began_at is None or now - self._began_at >= EVERY:
            self._began_at = now
            self._steps = self._sweep(now)
        try:
            self._walk()
        except Exception:
            self._began_at = None
            raise

    def _walk(self) -> None:
        began = page_began = self._timer()
        for _ in self._steps:
            self._rest(self._timer() - page_began)
            page_began = self._timer()
            if page_began - began >= SLICE_S:
                return

    def _sweep(self, now: datetime) -> Iterator[None]:
        self._removed = 0
        for rows in open_pages(*OPEN):
            self._end_open(rows, now)
            yield
        yield from self._settle_ended(now)
        with unavailable_when_operational(), db.engine().begin() as connection:
            forget(connection, now - FORGOTTEN_AFTER)
        if self._removed:
            log.warning(
                "swept: %d jobs were removed from their queues by others; their rows end removed", self._removed
            )

    def _end_open(self, rows: Sequence[OpenRow], now: datetime) -> None:
        """What has ended in Redis ends here; what was removed behind our back ends ``removed``."""
        for _, standings in look(self._broker, rows):
            absent = [one.row for one in standings if not one.is_there and one.row.status != Status.ACTIVE]
            ended = [one for one in standings if one.ended]
            if absent and not self._is_whole():
                absent = []  # it was lost just now
            if absent or ended:
                with unavailable_when_operational(), db.engine().begin() as connection:
                    self._removed += end_missing(connection, absent, now) if absent else 0
                    for one in ended:
                        if one.ended:
                            end_as_settled(connection, one.row, one.ended, now)

    def _settle_ended(self, now: datetime) -> Iterator[None]:
        """What has ended here ends in Redis, if it does not know."""
        until = now - GRACE
        start = self._settled_until or until - LOOK_BACK
        while start < until:
            end = min(start + WINDOW, until)
            last = 0
            while True:
                with unavailable_when_operational(), db.engine().connect() as connection:
                    found = unsettled(connection, start, end, AT_ONCE, last)
                if found:
                    self._settle(found, now)
                    last = found[-1].row.id
                yield
                if len(found) < AT_ONCE:
                    break
            self._settled_until = start = end

    def _settle(self, found: Sequence[Unsettled], now: datetime) -> None:
        ends = {one.row.id: one for one in found}
        for _, standings in look(self._broker, [one.row for one in found]):
            settled = [one.row for one in standings if self._is_settled(one, ends[one.row.id])]
            if settled:
                with unavailable_when_operational(), db.engine().begin() as connection:
                    settle_rows(connection, settled, now)

    def _is_settled(self, one: Standing, end: Unsettled) -> bool:
        """Whether Redis has nothing left to be ended. A running one is its worker's, or its next claim's (R6)."""
        if one.ended:
            return True
        if not one.is_there:
            return one.row.job.parent is None  # a finished child may be about to come back with its flow
        queue = self._broker.queue(one.row.job.queue)
        try:
            found = end_where_it_waits(self._broker, queue, one.row.job.id, end.ended, worker="reconciler")
        except JobNotFound:
            return True
        return found in ("taken", "ended")
