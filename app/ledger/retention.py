"""How long the ledger remembers: rows that ended long ago are deleted with their attempts, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, or_, select

from app import db
from app.broker.broker import BullMQBroker
from app.ledger.errors import unavailable_when_operational
from app.ledger.rows import JOB, KEY, job_status
from app.models.job_status import Status

ENDS = (Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CANCELLED, Status.REMOVED)
AT_ONCE = 1_000

Rows = Sequence[Any]  # with the id, the end and the key of each


class Retention:
    """Called again and again: what is between two calls, everybody else has the database for.

    One call deletes at most 1,000 rows in one short transaction, and goes on where the one before has stopped: every
    10 s is enough for 8 million jobs a day. A row whose job Redis still holds stays (R15): somebody may retry it there.
    """

    def __init__(self, broker: BullMQBroker, keep: timedelta) -> None:
        self._broker = broker
        self._keep = keep
        self._pages: Iterator[Rows] = iter(())

    def __call__(self, now: datetime) -> int:
        """Returns how many rows were deleted. Raises RecorderUnavailable and redis.RedisError."""
        before = now - self._keep
        page = next(self._pages, None)
        if page is None:
            self._pages = _ended(before)
            page = next(self._pages, ())
        held = self._held(page)
        ids = [row.id for row in page if row.id not in held]
        if not ids:
            return 0
        with unavailable_when_operational(), db.engine().begin() as connection:
            # Once more the time: a row that was retried meanwhile has not ended.
            return connection.execute(delete(job_status).where(JOB.id.in_(ids), JOB.ended_at < before)).rowcount

    def _held(self, rows: Rows) -> set[int]:
        """The ids of the rows whose very jobs Redis has."""
        with self._broker.redis.pipeline(transaction=False) as pipe:
            for row in rows:
                pipe.hget(self._broker.queue(row.queue).keys[row.job_id], "timestamp")
            # The error of a key that is no job's is no job's time either.
            replies = pipe.execute(raise_on_error=False)
        return {row.id for row, reply in zip(rows, replies, strict=True) if reply == str(row.added_ms)}


def _ended(before: datetime) -> Iterator[Rows]:
    """Rows that ended before that moment, page by page, along the index of statuses and ends."""
    for status in ENDS:
        page = select(JOB.id, JOB.ended_at, *KEY).where(JOB.status == status, JOB.ended_at < before)
        page = page.order_by(JOB.ended_at, JOB.id).limit(AT_ONCE)
        after = page
        while True:
            with unavailable_when_operational(), db.engine().connect() as connection:
                rows = connection.execute(after).all()
            if not rows:
                break
            yield rows
            last = rows[-1]
            later = or_(JOB.ended_at > last.ended_at, and_(JOB.ended_at == last.ended_at, JOB.id > last.id))
            after = page.where(JOB.ended_at >= last.ended_at, later)
