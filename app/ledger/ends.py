"""The ends of runs, each under its own number (R6, R7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Insert,
    Select,
    Update,
    bindparam,
    case,
    func,
    select,
    update,
)

from app.broker.recorder import End, EndKind, NewJob
from app.ledger.batch import Batch, about, batch, clean, insert_missing
from app.ledger.error_groups import group_failures
from app.ledger.rows import JOB, KEY, id_of, job_attempt, job_status, keyed, moment, same_key
from app.ledger.settings import lost_ms
from app.models.job_status import Status

FENCE = (JOB.id, JOB.run)
#: When a run ended, where it decides what its confirmation is worth.
ENDED_MS = Column("ended_ms", BigInteger)
ATTEMPT = job_attempt.c
#: What is written of a run's end, in its job's row and in its own.
ENDED = (
    *(*FENCE, JOB.status, JOB.attempts_made, JOB.due_at, JOB.duration_ms, JOB.return_value),
    *(ATTEMPT.kind, ATTEMPT.attempt, ATTEMPT.worker, ATTEMPT.started_at, ATTEMPT.ended_at),
    *(ATTEMPT.error, ATTEMPT.stacktrace),
)
STATUS = {
    EndKind.COMPLETED: Status.COMPLETED,
    EndKind.FAILED: Status.FAILED,
    EndKind.RETRYING: Status.DELAYED,
    EndKind.PARKED: Status.DELAYED,
    EndKind.RELEASED: Status.WAITING,
}

Fence = tuple[int, int]


def fence_of(end: End) -> Fence:
    """The row and the number of the run. Raises LookupError for a run without a row."""
    if end.start is None:
        raise LookupError(f"job {end.claim.id!r} in queue {end.claim.queue!r} runs without a record")
    return end.start.row, end.start.run


@lru_cache
def running_version() -> str | None:
    """The version of the code that runs here; None where it is not installed as a package."""
    try:
        return version("toril")
    except PackageNotFoundError:
        return None


def write_ends(connection: Connection, ends: Sequence[End]) -> set[Fence]:
    """Write what these runs came to; returns those that still owned their job.

    A run whose end stands already under its own number owned it: the reply to that COMMIT was lost.
    """
    rows = [_as_row(end) for end in ends]
    owners = {fence_of(end) for end in ends}
    if _write(connection, rows).rowcount < len(ends):
        # Whatever else ends a row or starts it again raises its number.
        owners = {(row.id, row.run) for row in _still_owned(connection, map(_fence, ends))}
    if failures := [row for row in rows if row["status"] is Status.FAILED and (row["id"], row["run"]) in owners]:
        group_failures(connection, failures)
    _insert_attempts(
        connection, [row for row in rows if (row["id"], row["run"]) in owners], by_version=running_version()
    )
    return owners


def _written(ends: Batch) -> Update:
    end = ends.rows.c
    completed, failed = end.status == Status.COMPLETED, end.status == Status.FAILED
    outcome: dict[ColumnElement[Any], Any] = {
        JOB.status: case((failed & JOB.cancelled.is_not(None), Status.CANCELLED.value), else_=end.status),
        JOB.completed_at: case((completed, end.ended_at)),
        JOB.failed_at: case((failed, end.ended_at)),
        JOB.ended_at: case((completed | failed, end.ended_at)),
        JOB.error: case((end.kind.in_([EndKind.FAILED, EndKind.RETRYING]), end.error)),
    }
    same = (JOB.attempts_made, JOB.due_at, JOB.duration_ms, JOB.return_value)
    mine = (ends.meets(JOB.id, end.id), JOB.run == end.run, JOB.ended_at.is_(None))
    return update(job_status).where(*mine).values(outcome | {column: end[column.key] for column in same})


def _attempts(ends: Batch) -> Insert:
    end = ends.rows.c
    named = {ATTEMPT.job: end.id, ATTEMPT.version: bindparam("by_version", type_=ATTEMPT.version.type)}
    return ends.insert_missing(job_attempt, named | {c: end[c.key] for c in ATTEMPT if c not in named})


_write = about(*ENDED)(_written)
_insert_attempts = about(*ENDED)(_attempts)


def may_be_at_once(ends: Sequence[End], confirmed: Sequence[End]) -> bool:
    """Whether ``write_at_once`` is for these: no failures, which are grouped besides, and confirmations of runs."""
    return all(end.kind is not EndKind.FAILED for end in ends) and all(end.start for end in confirmed)


def write_at_once(connection: Connection, ends: Sequence[End], confirmed: Sequence[End], at: datetime) -> bool:
    """``write_ends`` and ``settle`` in one statement of PostgreSQL; whether all still owned their job.

    Where some did not, ``write_ends`` tells which, and writes nothing twice.
    """
    runs = [_with_time(end) for end in confirmed]
    written = _write_all(
        connection, [_as_row(end) for end in ends], confirmed=runs, by_version=running_version(), at=at
    )
    return len(written.all()) == len(ends)


@about(*ENDED, confirmed=(*FENCE, ENDED_MS))
def _write_all(ends: Batch, confirmed: Batch) -> Select[Any]:
    # As a CTE, a document is parsed once however often the statement looks at it.
    given = replace(ends, rows=select(ends.rows).cte("given"))
    written = _written(given).returning(*FENCE).cte("written")
    rows = given.rows.c
    owned = replace(
        given,
        rows=select(given.rows).join(written, (rows.id == written.c.id) & (rows.run == written.c.run)).cte("owned"),
    )
    attempts = _attempts(owned).returning(ATTEMPT.job).cte("attempts")
    runs = replace(confirmed, rows=select(confirmed.rows).cte("runs"))
    settled = _settled_runs(runs).returning(JOB.id).cte("settled")
    return select(written.c.id).add_cte(attempts, settled)


@about(*FENCE)
def _still_owned(fences: Batch) -> Select[Any]:
    rows = fences.rows.c
    return select(*FENCE).where(fences.meets(JOB.id, rows.id), JOB.run == rows.run)


def _fence(end: End) -> dict[str, Any]:
    row, run = fence_of(end)
    return {"id": row, "run": run}


def _with_time(end: End) -> dict[str, Any]:
    return _fence(end) | {"ended_ms": end.ended_ms}


def _as_row(end: End) -> dict[str, Any]:
    ends_job = end.kind in (EndKind.COMPLETED, EndKind.FAILED)
    uses_no_attempt = end.kind in (EndKind.PARKED, EndKind.RELEASED)
    row, run = fence_of(end)
    return {
        "id": row,
        "run": run,
        "status": STATUS[end.kind],
        "kind": end.kind,
        "attempt": end.claim.attempt,
        "attempts_made": end.claim.attempt - uses_no_attempt,
        "worker": end.claim.worker,
        "started_at": moment(end.started_ms),
        "ended_at": moment(end.ended_ms),
        "due_at": moment(end.due_ms) if end.due_ms and not ends_job else None,
        "duration_ms": max(end.ended_ms - end.started_ms, 0),
        "return_value": end.return_value if end.kind is EndKind.COMPLETED else None,
        "error": end.reason or None,
        "stacktrace": end.stacktrace or None,
    }


def write_attempts(connection: Connection, attempts: Sequence[Mapping[str, Any]]) -> None:
    """One row a run; written again, it stays as it was."""
    rows = [{"version": running_version(), **attempt} for attempt in attempts]
    connection.execute(insert_missing(connection, job_attempt, list(ATTEMPT), rows))


def settle(connection: Connection, ends: Sequence[End], at: datetime) -> None:
    """Redis has confirmed these ends, all but those of before its last loss: it may have forgotten them since.

    Confirmations travel for a moment, or for as long as the database is away, and the recovery cannot wait for them.
    What stays unsettled, the sweep compares with Redis. An end that was read from its row has no run of its own.
    """
    if of_runs := [_with_time(end) for end in ends if end.start]:
        _settle_runs(connection, of_runs, at=at)
    if from_rows := [keyed(end.claim) | {"ended_ms": end.ended_ms} for end in ends if not end.start]:
        _settle_named(connection, from_rows, at=at)


def _settled_runs(settled: Batch) -> Update:
    rows = settled.rows.c
    return _settled.where(settled.meets(JOB.id, rows.id), JOB.run == rows.run, rows.ended_ms > _lost_ms)


_settle_runs = about(*FENCE, ENDED_MS)(_settled_runs)


@about(*KEY, ENDED_MS)
def _settle_named(settled: Batch) -> Update:
    kept = select(settled.rows).where(settled.rows.c.ended_ms > _lost_ms).subquery("kept")
    return _settled.where(settled.is_one_of(JOB.id, select(id_of(kept)).select_from(kept)))


_lost_ms = func.coalesce(lost_ms(), 0)
_settled = (
    update(job_status).where(JOB.ended_at.is_not(None)).values(settled_at=bindparam("at", type_=JOB.settled_at.type))
)


def remove(connection: Connection, queue: str, job_ids: Sequence[str], at: datetime) -> None:
    """These jobs end ``removed``; a run of theirs that somebody starts meanwhile owns nothing."""
    rows = batch(connection, [JOB.job_id], [{"job_id": job_id} for job_id in job_ids])
    connection.execute(
        update(job_status)
        .where(JOB.job_id == rows.c.job_id, JOB.queue == queue, JOB.ended_at.is_(None))
        .values(status=Status.REMOVED, ended_at=at, run=JOB.run + 1)
    )


def supersede(connection: Connection, jobs: Sequence[NewJob], at: datetime) -> None:
    """Another job stands in Redis in the place of each of these."""
    rows = batch(connection, KEY, map(keyed, jobs))
    connection.execute(
        update(job_status)
        .where(same_key(rows), JOB.ended_at.is_(None))
        .values(status=Status.REMOVED, error="another job stands in its place", ended_at=at, run=JOB.run + 1)
    )


def cancel(connection: Connection, queue: str, job_id: str, reason: str, at: datetime) -> None:
    """Somebody asked for the job's end: at once if it waits, else with its run, or at its next claim."""
    mine = (JOB.job_id == job_id, JOB.queue == queue, JOB.ended_at.is_(None))
    connection.execute(update(job_status).where(*mine).values(cancelled=clean(reason)))
    connection.execute(
        update(job_status)
        .where(*mine, JOB.status != Status.ACTIVE)
        .values(status=Status.CANCELLED, error=JOB.cancelled, failed_at=at, ended_at=at, run=JOB.run + 1)
    )
