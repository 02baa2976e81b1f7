"""The number of each run, and what a claim finds out about a job that has ended (R6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from app.broker.recorder import Claim, Ended, EndKind, Start, Verdict
from app.ledger.batch import batch, insert_missing
from app.ledger.rows import JOB, KEY, NEW, STARTED, Key, first_seen, job_status, key_of, keyed, same_key, started
from app.models.job_status import Status

REOPENED = dict.fromkeys((JOB.ended_at, JOB.settled_at, JOB.completed_at, JOB.failed_at, JOB.cancelled, JOB.error))


def number(connection: Connection, claims: Sequence[Claim]) -> dict[Key, Verdict]:
    """A verdict for every claim; each Start holds a number that no other run of the job has.

    One statement for jobs that go on as they should. The rest has ended, was cancelled, or was added by somebody who
    keeps no record.
    """
    verdicts: dict[Key, Verdict] = _start(connection, claims)
    left = [claim for claim in claims if key_of(claim) not in verdicts]
    if left:
        verdicts |= _start_unknown(connection, left)
        left = [claim for claim in left if key_of(claim) not in verdicts]
    if left:
        verdicts |= _judge(connection, left)
    return verdicts


def _start(connection: Connection, claims: Sequence[Claim], *, retried_by_hand: bool = False) -> dict[Key, Verdict]:
    """Take the open rows; with ``retried_by_hand`` the ended ones whose end Redis had confirmed, opened again."""
    rows = batch(connection, [*KEY, *STARTED], [keyed(claim) | started(claim) for claim in claims])
    statement = update(job_status).where(same_key(rows))
    if retried_by_hand:
        statement = statement.where(JOB.settled_at.is_not(None)).values(REOPENED)
    else:
        statement = statement.where(JOB.ended_at.is_(None), JOB.cancelled.is_(None))
    taken = connection.execute(
        statement.values({column: rows.c[column.key] for column in STARTED})
        .values(run=JOB.run + 1, due_at=None)
        .returning(*KEY, JOB.id, JOB.run, JOB.checkpoint)
    )
    return _starts(taken.all())


def _start_unknown(connection: Connection, claims: Sequence[Claim]) -> dict[Key, Verdict]:
    """Write the rows of jobs that others have added, at first sight."""
    insert = insert_missing(connection, job_status, NEW, map(first_seen, claims))
    written = connection.execute(insert.returning(*KEY, JOB.id, JOB.run, JOB.checkpoint))
    return _starts(written.all())


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


def _judge(connection: Connection, claims: Sequence[Claim]) -> dict[Key, Verdict]:
    """Claims of jobs that have ended or are to be cancelled. The rows stay locked until the commit."""
    keys = batch(connection, KEY, map(keyed, claims))
    found = connection.execute(select(job_status).join(keys, same_key(keys)).with_for_update(of=job_status)).all()
    rows: dict[Key, Row[Any]] = {(row.queue, row.job_id, row.added_ms): row for row in found}
    verdicts: dict[Key, Verdict] = {}
    retried, written_meanwhile = [], []
    for claim in claims:
        row = rows[key_of(claim)]
        if row.settled_at is not None:
            retried.append(claim)
        elif row.ended_at is not None:
            verdicts[key_of(claim)] = ended(row)
        elif row.cancelled is not None:
            verdicts[key_of(claim)] = _cancel(connection, row, claim)
        else:
            written_meanwhile.append(claim)
    if written_meanwhile:
        verdicts |= _start(connection, written_meanwhile)
    if retried:
        verdicts |= _start(connection, retried, retried_by_hand=True)
    return verdicts


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
