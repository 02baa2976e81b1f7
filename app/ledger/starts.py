"""The number of each run, and what a claim finds out about a job that has ended (R6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, Update, func, select, update

from app.broker.recorder import Claim, Ended, EndKind, Start, Verdict
from app.ledger.batch import Batch, about, batch, inserting_missing
from app.ledger.rows import JOB, KEY, NEW, STARTED, Key, first_seen, id_of, job_status, key_of, keyed, started
from app.models.job_status import Status

REOPENED = dict.fromkeys((JOB.ended_at, JOB.settled_at, JOB.completed_at, JOB.failed_at, JOB.cancelled, JOB.error))
FOUND = (*KEY, JOB.id, JOB.run, JOB.checkpoint, JOB.ended_at, JOB.settled_at, JOB.cancelled)
END = (JOB.status, JOB.return_value, JOB.error)


def number(connection: Connection, claims: Sequence[Claim]) -> dict[Key, Verdict]:
    """A verdict for every claim; each Start holds a number that no other run of the job has.

    The rows are read, judged and written under their locks: nobody changes them in between.
    """
    found = _lock(connection, map(keyed, claims)).all()
    rows: dict[Key, Row[Any]] = {(row.queue, row.job_id, row.added_ms): row for row in found}
    verdicts: dict[Key, Verdict] = {}
    open_, retried, unknown = [], [], []
    for claim in claims:
        row = rows.get(key_of(claim))
        if row is None:
            unknown.append(claim)
        elif row.ended_at is None and row.cancelled is None:
            open_.append((claim, row))
        elif row.settled_at is not None:
            retried.append((claim, row))  # by hand: Redis had its end
        elif row.ended_at is not None:
            verdicts[key_of(claim)] = ended(row)
        else:
            verdicts[key_of(claim)] = _cancel(connection, row, claim)
    for take, some in ((_start, open_), (_start_again, retried)):
        if some:
            take(connection, (started(claim) | {"id": row.id} for claim, row in some))
            verdicts |= {key_of(claim): Start(row.id, row.run + 1, row.checkpoint) for claim, row in some}
    if unknown:
        # Somebody else may see them first at this very moment; then theirs are the rows that are found.
        _insert(connection, map(first_seen, unknown))
        verdicts |= number(connection, unknown)
    return verdicts


@about(*KEY)
def _lock(keys: Batch) -> Select[Any]:
    """In one order, so that two who claim the same jobs wait for each other, and never in a circle."""
    mine = select(*FOUND, *END).where(keys.picks(JOB.id, id_of(keys.rows)))
    return mine.order_by(JOB.id).with_for_update(of=job_status)


@about(JOB.id, *STARTED)
def _start(claims: Batch) -> Update:
    return _started(claims)


@about(JOB.id, *STARTED)
def _start_again(claims: Batch) -> Update:
    return _started(claims).values(REOPENED)


def _started(claims: Batch) -> Update:
    rows = claims.rows.c
    return (
        update(job_status)
        .where(claims.meets(JOB.id, rows.id))
        .values({column: rows[column.key] for column in STARTED})
        .values(run=JOB.run + 1, due_at=None)
    )


_insert = inserting_missing(job_status, *NEW)


def reopen(connection: Connection, queue: str, job_ids: Sequence[str]) -> None:
    """These ended jobs wait again, and their next claim is a new run. Of an id that came again, the newest."""
    rows = batch(connection, [JOB.job_id], [{"job_id": job_id} for job_id in job_ids])
    newest = (
        select(func.max(JOB.id)).join(rows, JOB.job_id == rows.c.job_id).where(JOB.queue == queue).group_by(JOB.job_id)
    )
    connection.execute(
        update(job_status)
        .where(JOB.id.in_(newest), JOB.ended_at.is_not(None))
        .values(REOPENED)
        .values(status=Status.WAITING)
    )


def ended(row: Row[Any]) -> Ended:
    """How to settle in Redis what has ended here."""
    if row.status in (Status.COMPLETED, Status.PARTIAL):
        return Ended(EndKind.COMPLETED, return_value=row.return_value)
    return Ended(EndKind.FAILED, reason=row.error or row.cancelled or row.status)


def _cancel(connection: Connection, row: Row[Any], claim: Claim) -> Ended:
    at = started(claim)["started_at"]
    connection.execute(
        update(job_status)
        .where(JOB.id == row.id)
        .values(status=Status.CANCELLED, error=row.cancelled, failed_at=at, ended_at=at, run=JOB.run + 1)
    )
    return Ended(EndKind.FAILED, reason=row.cancelled)


def _starts(rows: Sequence[Row[Any]]) -> dict[Key, Verdict]:
    return {(row.queue, row.job_id, row.added_ms): Start(row.id, row.run, row.checkpoint) for row in rows}
