"""What the reconciler asks of the rows, and does to them: each change only to a row that is still as it was seen (R12).

A row without ``confirmed_at`` is one that Redis is not known to have: it was never added, or Redis has lost it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Update, and_, case, func, or_, select, update

from app.broker.recorder import Ended, EndKind, NewJob
from app.clock import to_ms, utc_now
from app.ledger.batch import batch, clean
from app.ledger.error_groups import group_failures
from app.ledger.rows import JOB, PROMISED, job_status, new_job
from app.ledger.starts import REOPENED
from app.ledger.tallies import ADDED_AGAIN, LOST, REMOVED, tally
from app.models.job_status import Status

FOUND = (JOB.id, JOB.run, JOB.repairs, JOB.status, JOB.worker, JOB.attempts_made, JOB.crashes, JOB.due_at)
IS_OPEN = JOB.ended_at.is_(None)
MISSING = "it was gone from its queue, and Redis had lost nothing"


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A row that has not ended, as it was seen. ``job`` is what to add for it, with what is behind it already."""

    id: int
    run: int
    repairs: int
    status: str
    worker: str | None
    queued_at: datetime
    job: NewJob


def unconfirmed(connection: Connection, before: datetime, limit: int, after: OpenRow | None = None) -> list[OpenRow]:
    """Open rows that Redis may not have, the oldest promise first; a promise that is not older is still its producer's.

    ``after`` is the last of the page before.
    """
    rows = select(*FOUND, JOB.queued_at, *PROMISED).where(JOB.confirmed_at.is_(None), IS_OPEN)
    rows = rows.where(or_(JOB.queued_at < before, JOB.repairs > 0))
    if after is not None:
        rows = rows.where(
            or_(JOB.queued_at > after.queued_at, and_(JOB.queued_at == after.queued_at, JOB.id > after.id))
        )
    return [seen(row) for row in connection.execute(rows.order_by(JOB.queued_at, JOB.id).limit(limit))]


def open_rows(connection: Connection, status: Status, limit: int, after: int = 0) -> list[OpenRow]:
    """Open rows of that status that Redis should have; ``after`` is the last ``id`` of the page before."""
    rows = select(*FOUND, JOB.queued_at, *PROMISED)
    rows = rows.where(JOB.status == status, IS_OPEN, JOB.id > after, JOB.confirmed_at.is_not(None))
    return [seen(row) for row in connection.execute(rows.order_by(JOB.ended_at, JOB.id).limit(limit))]


def claim_repairs(connection: Connection, seen: Sequence[OpenRow]) -> list[NewJob]:
    """The jobs that are the caller's to add again: of several reconcilers one gets each.

    Call it after they were seen to be absent from Redis, never before. A run that was under way owns its job no more.
    """
    rows = _as_seen(connection, seen)
    was_running = JOB.status == Status.ACTIVE
    claimed = connection.execute(
        _unchanged(rows)
        .where(JOB.status == rows.c.status, JOB.confirmed_at.is_(None))
        .values(
            repairs=JOB.repairs + 1,
            run=JOB.run + case((was_running, 1), else_=0),
            status=case((was_running, Status.WAITING.value), else_=JOB.status),
        )
        .returning(JOB.id)
    )
    ids = set(claimed.scalars())
    tally(connection, ADDED_AGAIN, len(ids), utc_now())
    return [one.job for one in seen if one.id in ids]


def unconfirm(connection: Connection, seen: Sequence[OpenRow]) -> int:
    """Redis has lost these; returns for how many it was news."""
    rows = _as_seen(connection, seen)
    lost = _unchanged(rows).where(JOB.confirmed_at.is_not(None))
    count = connection.execute(lost.values(confirmed_at=None, repairs=JOB.repairs + 1)).rowcount
    tally(connection, LOST, count, utc_now())
    return count


def end_missing(connection: Connection, seen: Sequence[OpenRow], at: datetime) -> int:
    """Somebody has removed these behind our back: they end ``removed``. Returns how many did."""
    rows = _as_seen(connection, seen)
    gone = _unchanged(rows).where(JOB.run == rows.c.run, JOB.status == rows.c.status)
    values = {"status": Status.REMOVED, "error": MISSING, "ended_at": at, "run": JOB.run + 1}
    count = connection.execute(gone.values(values)).rowcount
    tally(connection, REMOVED, count, at)
    return count


def end_as_settled(connection: Connection, seen: OpenRow, ended: Ended, at: datetime) -> None:
    """Redis says that it has ended, as some worker without a record has done it (R15)."""
    completed = ended.kind is EndKind.COMPLETED
    ours = connection.execute(
        update(job_status)
        .where(JOB.id == seen.id, JOB.run == seen.run, IS_OPEN)
        .values(
            status=Status.COMPLETED if completed else Status.FAILED,
            return_value=ended.return_value,
            error=None if completed else clean(ended.reason),
            completed_at=at if completed else None,
            failed_at=None if completed else at,
            ended_at=at,
            settled_at=at,
            run=JOB.run + 1,
        )
    )
    if ours.rowcount and not completed:
        group_failures(connection, [{"id": seen.id, "error": ended.reason, "stacktrace": None, "ended_at": at}])


def still_open(connection: Connection, seen: Sequence[OpenRow]) -> set[int]:
    """The ids of those that are as they were seen."""
    rows = _as_seen(connection, seen)
    same = (JOB.id == rows.c.id) & (JOB.repairs == rows.c.repairs) & (JOB.run == rows.c.run)
    same &= (JOB.status == rows.c.status) & IS_OPEN
    return set(connection.execute(select(JOB.id).join(rows, same)).scalars())


def restore(connection: Connection, queue: str, job_ids: Sequence[str]) -> int:
    """Removed jobs wait again; the reconciler adds them. Of an id that came again, the newest. Returns how many."""
    rows = batch(connection, [JOB.job_id], [{"job_id": job_id} for job_id in job_ids])
    newest = (
        select(func.max(JOB.id)).join(rows, JOB.job_id == rows.c.job_id).where(JOB.queue == queue).group_by(JOB.job_id)
    )
    removed = update(job_status).where(JOB.id.in_(newest), JOB.status == Status.REMOVED)
    values = {"status": Status.WAITING, "confirmed_at": None, "due_at": None, "repairs": JOB.repairs + 1}
    return connection.execute(removed.values(REOPENED).values(values)).rowcount


def seen(row: Any) -> OpenRow:
    """A row of ``FOUND``, ``queued_at`` and ``PROMISED``."""
    job = new_job(row)
    delay_ms = 0 if row.due_at is None else max(to_ms(row.due_at) - row.added_ms, 0)
    job = replace(job, delay_ms=delay_ms, attempts_made=row.attempts_made, crashes=row.crashes)
    return OpenRow(row.id, row.run, row.repairs, row.status, row.worker, row.queued_at, job)


def _as_seen(connection: Connection, seen: Sequence[OpenRow]) -> FromClause:
    fields = ("id", "run", "repairs", "status")
    rows = [{field: getattr(one, field) for field in fields} for one in seen]
    return batch(connection, [JOB.id, JOB.run, JOB.repairs, JOB.status], rows)


def _unchanged(rows: FromClause) -> Update:
    still: ColumnElement[bool] = JOB.repairs == rows.c.repairs
    return update(job_status).where(JOB.id == rows.c.id, still, IS_OPEN)
