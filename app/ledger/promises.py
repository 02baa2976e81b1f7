"""The first part of a row's life: promised before the add, confirmed after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from app.broker.recorder import NewJob
from app.ledger.batch import batch, insert_missing
from app.ledger.rows import JOB, KEY, NEW, PROMISED, job_status, key_of, new_job, promised, same_key


def promise(connection: Connection, jobs: Sequence[NewJob]) -> list[NewJob]:
    """Write the rows in the caller's transaction; returns the jobs to add once it is committed.

    Those are the new ones, and those that were promised before but never confirmed: as they were promised then, with
    their first id and time.
    """
    if not jobs:
        return []
    # In one order, so that two producers with the same promises wait for each other, and never in a circle.
    ordered = sorted(jobs, key=lambda job: (job.promise_key or "", job.queue, job.id))
    insert = insert_missing(connection, job_status, NEW, map(promised, ordered))
    written = {tuple(key) for key in connection.execute(insert.returning(*KEY))}
    to_add = [job for job in jobs if key_of(job) in written]
    return to_add + _promised_before(connection, [job for job in jobs if key_of(job) not in written])


def _promised_before(connection: Connection, jobs: Sequence[NewJob]) -> list[NewJob]:
    """Of the promises that exist already, those that were never confirmed."""
    if not jobs:
        return []
    rows = batch(connection, [*KEY, JOB.promise_key], map(promised, jobs))
    unconfirmed = select(JOB.id, *PROMISED).where(JOB.confirmed_at.is_(None), JOB.ended_at.is_(None))
    # Two statements: an OR of two indexed conditions is a scan of the table.
    found = [
        *connection.execute(unconfirmed.join(rows, same_key(rows))),
        *connection.execute(unconfirmed.join(rows, JOB.promise_key == rows.c.promise_key)),
    ]
    return [new_job(row) for row in {row.id: row for row in found}.values()]


def confirm(connection: Connection, jobs: Sequence[NewJob], at: datetime) -> None:
    """Redis has these jobs."""
    rows = batch(connection, KEY, [promised(job) for job in jobs])
    # Locked in one order: two producers that confirm the same rows wait for each other, and never in a circle.
    mine = select(JOB.id).join(rows, same_key(rows)).where(JOB.confirmed_at.is_(None))
    ids = connection.scalars(mine.order_by(JOB.id).with_for_update(of=job_status)).all()
    if ids:
        connection.execute(update(job_status).where(JOB.id.in_(ids)).values(confirmed_at=at))
