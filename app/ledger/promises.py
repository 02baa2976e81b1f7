"""The first part of a row's life: promised before the add, confirmed after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert, Select, Update, bindparam, select, update

from app.broker.recorder import NewJob
from app.ledger.batch import Batch, about
from app.ledger.rows import JOB, KEY, NEW, PROMISED, id_of, job_status, key_of, keyed, new_job, promised


def promise(connection: Connection, jobs: Sequence[NewJob]) -> list[NewJob]:
    """Write the rows in the caller's transaction; returns the jobs to add once it is committed.

    Those are the new ones, and those that were promised before but never confirmed: as they were promised then, with
    their first id and time.
    """
    if not jobs:
        return []
    # In one order, so that two producers with the same promises wait for each other, and never in a circle.
    ordered = sorted(jobs, key=lambda job: (job.promise_key or "", job.queue, job.id))
    if _insert(connection, map(promised, ordered)).rowcount == len(jobs):
        return list(jobs)
    return unconfirmed(connection, jobs)


def unconfirmed(connection: Connection, jobs: Sequence[NewJob]) -> list[NewJob]:
    """The jobs of these promises that are to be added: their rows are there, open, and Redis may not have them."""
    given = {key_of(job): job for job in jobs}
    rows = [keyed(job) | {"promise_key": job.promise_key} for job in jobs]
    # Two statements: an OR of two indexed conditions is a scan of the table.
    found = [*_named(connection, rows), *_promised_as(connection, rows)]
    return [
        given.get((row.queue, row.job_id, row.added_ms)) or new_job(row)
        for row in {row.id: row for row in found}.values()
    ]


@about(*NEW)
def _insert(promises: Batch) -> Insert:
    return promises.insert_missing(job_status, {column: promises.rows.c[column.key] for column in NEW})


@about(*KEY)
def _named(keys: Batch) -> Select[Any]:
    return _to_add.where(keys.picks(JOB.id, id_of(keys.rows)))


@about(JOB.promise_key)
def _promised_as(keys: Batch) -> Select[Any]:
    return _to_add.where(keys.picks(JOB.promise_key, keys.rows.c.promise_key))


_to_add = select(JOB.id, *PROMISED).where(JOB.confirmed_at.is_(None), JOB.ended_at.is_(None))


def confirm(connection: Connection, jobs: Sequence[NewJob], at: datetime) -> None:
    """Redis has these jobs."""
    _confirm(connection, map(keyed, jobs), at=at)


@about(*KEY)
def _confirm(keys: Batch) -> Update:
    mine = select(JOB.id).where(keys.picks(JOB.id, id_of(keys.rows)), JOB.confirmed_at.is_(None))
    # Locked in one order: two producers that confirm the same rows wait for each other, and never in a circle.
    mine = mine.order_by(JOB.id).with_for_update(of=job_status)
    at = bindparam("at", type_=JOB.confirmed_at.type)
    return update(job_status).where(keys.is_one_of(JOB.id, mine)).values(confirmed_at=at)
