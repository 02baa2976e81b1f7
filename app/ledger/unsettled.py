"""Rows that have ended: those of which Redis is not known to have heard, and those of which it has (R6, R15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_, update

from app.broker.recorder import Ended
from app.ledger.batch import batch
from app.ledger.repairs import FOUND, OpenRow, seen
from app.ledger.rows import JOB, PROMISED, job_status
from app.ledger.starts import ended
from app.models.job_status import Status

#: A removed job has nothing to be settled.
ENDS = (Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CANCELLED)
#: When a row ended, and its id.
Place = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A row and the end that Redis should have."""

    row: OpenRow
    ended: Ended


def unsettled(
    connection: Connection, since: datetime, until: datetime, limit: int, after: int = 0
) -> Sequence[Unsettled]:
    """Those that ended in that time (``until`` excluded); ``after`` is the last ``id`` of the page before."""
    columns = (*FOUND, JOB.queued_at, *PROMISED, JOB.return_value, JOB.error, JOB.cancelled)
    rows = select(*columns).where(JOB.status.in_(ENDS), JOB.ended_at >= since, JOB.ended_at < until)
    rows = rows.where(JOB.settled_at.is_(None), JOB.id > after).order_by(JOB.id).limit(limit)
    found: Sequence[Any] = connection.execute(rows).all()
    return [Unsettled(seen(row), ended(row)) for row in found]


def settled(connection: Connection, status: Status, limit: int, after: Place) -> tuple[list[OpenRow], Place]:
    """Rows of that status whose end Redis has confirmed, in the order of their ends; and the place of the last."""
    rows = select(*FOUND, JOB.queued_at, *PROMISED, JOB.ended_at).where(JOB.status == status)
    rows = rows.where(tuple_(JOB.ended_at, JOB.id) > after, JOB.settled_at.is_not(None))
    found: Sequence[Any] = connection.execute(rows.order_by(JOB.ended_at, JOB.id).limit(limit)).all()
    return [seen(row) for row in found], (found[-1].ended_at, found[-1].id) if found else after


def settle_rows(connection: Connection, rows: Sequence[OpenRow], at: datetime) -> None:
    """Redis has these ends, or nothing that could be ended; a row that was opened again meanwhile is left alone."""
    given = batch(connection, [JOB.id, JOB.run], [{"id": row.id, "run": row.run} for row in rows])
    same = (JOB.id == given.c.id, JOB.run == given.c.run, JOB.ended_at.is_not(None))
    connection.execute(update(job_status).where(*same).values(settled_at=at))
