"""The number of each run, and what a claim finds out about a job that has ended (R6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Insert, Row, Select, UpdateBase, bindparam, func, select, update

from app.broker.recorder import Claim, Ended, EndKind, Start, Verdict
from app.ledger.batch import Batch, about, batch, clean
from app.ledger.rows import JOB, KEY, NEW, Key, first_seen, id_of, job_status, key_of, keyed, moment
from app.models.job_status import Status

REOPENED = dict.fromkeys(
    (JOB.ended_at, JOB.settled_at, JOB.completed_at, JOB.failed_at, JOB.cancelled, JOB.error, JOB.error_group)
)
TAKEN = (*KEY, JOB.id, JOB.run, JOB.checkpoint)
FOUND = (*KEY, JOB.id, JOB.run, JOB.started_at, JOB.ended_at, JOB.settled_at, JOB.cancelled)
END = (JOB.status, JOB.return_value, JOB.error)


def start(connection: Connection, claims: Sequence[Claim]) -> dict[Key, Verdict]:
    """Start those whose job is open, nearly all, by one statement; no other run of a job has its Start's number."""
    return _take(connection, _start, claims)


def judge(connection: Connection, claims: Sequence[Claim]) -> dict[Key, Verdict]:
    """A verdict on each that ``start`` left: its job has ended, was cancelled or has no row.

    Nobody changes their rows in between.
    """
    found = _lock(connection, map(keyed, claims)).all()
    rows: dict[Key, Row[Any]] = {_key(row): row for row in found}
    verdicts: dict[Key, Verdict] = {}
    open_: list[Claim] = []
    retried: list[Claim] = []
    unknown: list[Claim] = []
    for claim in claims:
        key = key_of(claim)
        row = rows.get(key)
        if row is None:
            unknown.append(claim)
        elif row.ended_at is not None and (row.settled_at is None or _is_late(claim, row)):
            verdicts[key] = ended(row)
        elif row.ended_at is not None:
            retried.append(claim)  # by hand: Redis had its end
        elif row.cancelled is not None:
            verdicts[key] = _cancel(connection, row, claim)
        else:
            open_.append(claim)  # since a moment ago
    verdicts |= _take(connection, _start, open_) | _take(connection, _start_again, retried)
    if unknown:
        # Somebody else may see them first at this very moment; then theirs are the rows that are found.
        _insert(connection, map(first_seen, unknown))
        verdicts |= judge(connection, unknown)
    return verdicts


def _is_late(claim: Claim, row: Row[Any]) -> bool:
    """Whether it was made before the run that ended the job: its worker stood still, and is no retry by hand."""
    return row.started_at is not None and moment(claim.claimed_ms) < row.started_at


def _take(
    connection: Connection, start: Callable[..., CursorResult[Any]], claims: Sequence[Claim]
) -> dict[Key, Verdict]:
    """Start those that may be; returns what was. Jobs of one claim have the worker and the time in common."""
    alike: dict[tuple[str, int, int], list[Claim]] = {}
    for claim in claims:
        alike.setdefault((claim.worker, claim.crashes, claim.claimed_ms), []).append(claim)
    return {
        _key(row): Start(row.id, row.run, row.checkpoint)
        for (worker, crashes, claimed_ms), some in alike.items()
        for row in start(connection, map(keyed, some), by_worker=clean(worker), crashed=crashes, at=moment(claimed_ms))
    }


def _key(row: Row[Any]) -> Key:
    return row.queue, row.job_id, row.added_ms


@about(*KEY)
def _lock(keys: Batch) -> Select[Any]:
    """In one order, so that two who claim the same jobs wait for each other, and never in a circle."""
    mine = select(*FOUND, *END).where(keys.picks(JOB.id, id_of(keys.rows)))
    return mine.order_by(JOB.id).with_for_update(of=job_status)


@about(*KEY)
def _start(jobs: Batch) -> UpdateBase:
    is_open = (JOB.ended_at.is_(None), JOB.cancelled.is_(None))
    mine = select(JOB.id).where(jobs.picks(JOB.id, id_of(jobs.rows)), *is_open)
    # Locked in one order, as in _lock: whatever plan updates them has them already.
    mine = mine.order_by(JOB.id).with_for_update(of=job_status)
    return _started.where(jobs.is_one_of(JOB.id, mine)).returning(*TAKEN)


@about(*KEY)
def _start_again(jobs: Batch) -> UpdateBase:
    return _started.where(jobs.picks(JOB.id, id_of(jobs.rows))).values(REOPENED).returning(*TAKEN)


_started = update(job_status).values(
    status=Status.ACTIVE,
    run=JOB.run + 1,
    worker=bindparam("by_worker", type_=JOB.worker.type),
    crashes=bindparam("crashed", type_=JOB.crashes.type),
    started_at=bindparam("at", type_=JOB.started_at.type),
    confirmed_at=bindparam("at", type_=JOB.confirmed_at.type),
    due_at=None,
)


@about(*NEW)
def _insert(seen: Batch) -> Insert:
    return seen.insert_missing(job_status, {column: seen.rows.c[column.key] for column in NEW})


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
    at = moment(claim.claimed_ms)
    connection.execute(
        update(job_status)
        .where(JOB.id == row.id)
        .values(status=Status.CANCELLED, error=row.cancelled, failed_at=at, ended_at=at, run=JOB.run + 1)
    )
    return Ended(EndKind.FAILED, reason=row.cancelled)
