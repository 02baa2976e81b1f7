"""Ended jobs become figures, each of them once, off the path of those who end them.

Rows are read along the index of their ends: first a few seconds after the end, then once more by whole minutes a
quarter of an hour later, for ends whose commit came late (a database that was away). What that finds beyond the first
count is added.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, select
from sqlalchemy.orm import Session

from app.ledger import cursors
from app.ledger.figures.buckets import BOUNDS_MS
from app.ledger.figures.cell import Cell, Place
from app.ledger.figures.keeping import keep, kept
from app.ledger.performance import ENDS
from app.ledger.rows import JOB, job_attempt, job_status

SOURCE = "job figures"
MINUTE = timedelta(minutes=1)
#: Most ends are committed within.
LAG = timedelta(seconds=5)
LATE = timedelta(minutes=15)
#: An hour of history before the first count; afterwards at most so much at once.
FIRST = timedelta(hours=1)
STEP = timedelta(minutes=15)
MS = timedelta(milliseconds=1)
LONGEST_MS = BOUNDS_MS[-1] + 1
#: Rows are read so many at a time.
PAGE = 10_000

#: From a queue, a job's name and the data of one whose name says nothing, what it is counted as.
Label = Callable[[str, str, Any], str]


def count(session: Session, now: datetime, label: Label, tells_by_data: frozenset[str] = frozenset()) -> bool:
    """Take in what has ended since the last call, a quarter of an hour at most; False if there is nothing new yet.

    ``tells_by_data`` are the names of jobs that are many things: their data go to ``label``.
    """
    seen = cursors.position(session, SOURCE)
    since = now - LAG - FIRST if seen is None else datetime.fromisoformat(seen)
    until = min(now - LAG, since + STEP)
    if until <= since or not cursors.move(session, SOURCE, seen, until.isoformat(), now):
        return False
    cells = _cells(session, since, until, label, tells_by_data)
    for place, late in _late(session, since - LATE, until - LATE, label, tells_by_data).items():
        cells.setdefault(place, Cell()).add(late)
    keep(session, cells)
    return True


def _late(
    session: Session, since: datetime, until: datetime, label: Label, tells_by_data: frozenset[str]
) -> dict[Place, Cell]:
    """What the whole minutes that end in that time have beyond what was counted."""
    since, until = _minute(since), _minute(until)
    if since == until:
        return {}
    known = kept(session, since, until)
    found: dict[Place, Cell] = {}
    for place, cell in _cells(session, since, until, label, tells_by_data).items():
        late = cell.beyond(known[place]) if place in known else cell
        if late:
            found[place] = late
    return found


def _cells(
    session: Session, since: datetime, until: datetime, label: Label, tells_by_data: frozenset[str]
) -> dict[Place, Cell]:
    cells: dict[Place, Cell] = {}
    for row in session.execute(_ended(since, until, tells_by_data), execution_options={"yield_per": PAGE}):
        place = (_minute(row.ended_at), row.queue, label(row.queue, row.name, row.data))
        cells.setdefault(place, Cell()).put(row.status, row.crashes, _wait_ms(row), _within(row.duration_ms))
    return cells


def _ended(since: datetime, until: datetime, tells_by_data: frozenset[str]) -> Select[Any]:
    of_job = (JOB.ended_at, JOB.queue, JOB.name, JOB.status, JOB.queued_at, JOB.delay_ms, JOB.duration_ms, JOB.crashes)
    first_start = case((JOB.run == 1, JOB.started_at), else_=job_attempt.c.started_at).label("first_start")
    data = case((JOB.name.in_(tells_by_data), JOB.data)).label("data")
    first_run = and_(job_attempt.c.job == JOB.id, job_attempt.c.run == 1, JOB.run > 1)
    return (
        select(*of_job, first_start, data)
        .select_from(job_status.outerjoin(job_attempt, first_run))
        .where(JOB.status.in_(ENDS), JOB.ended_at >= since, JOB.ended_at < until)
    )


def _wait_ms(row: Any) -> int | None:
    """From when it was due to its first run; None if that run has left no trace."""
    if row.first_start is None:
        return None
    return _within((row.first_start - row.queued_at) // MS - row.delay_ms)


def _within(ms: int | None) -> int | None:
    """Foreign producers' clocks and delays are anybody's."""
    return None if ms is None else min(max(ms, 0), LONGEST_MS)


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
