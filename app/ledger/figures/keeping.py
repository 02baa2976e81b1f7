"""Figures in their three resolutions, and those that only grow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.clock import EPOCH
from app.ledger.figures.buckets import add
from app.ledger.figures.cell import COUNTED, Cell, Place
from app.models.job_figure import JobFigure
from app.models.queue_figure import QueueFigure

MINUTE_S, QUARTER_S, HOUR_S, EVER = 60, 900, 3_600, 0
#: How long each resolution is kept; what is for ever stays.
RETENTION = {MINUTE_S: timedelta(days=1), QUARTER_S: timedelta(days=8), HOUR_S: timedelta(days=90)}


def start_of(at: datetime, width_s: int) -> datetime:
    """The beginning of the stretch of that width that holds the time."""
    return EPOCH if width_s == EVER else at - (at - EPOCH) % timedelta(seconds=width_s)


def keep(session: Session, cells: Mapping[Place, Cell]) -> None:
    """Add these minutes to the figures of every resolution. One caller at a time: whoever moved the cursor."""
    for width_s in (MINUTE_S, QUARTER_S, HOUR_S, EVER):
        wide: dict[Place, Cell] = {}
        for (minute, queue, job), cell in cells.items():
            wide.setdefault((start_of(minute, width_s), queue, job), Cell()).add(cell)
        for (at, queue, job), cell in sorted(wide.items(), key=lambda item: item[0]):
            _add(session, JobFigure(width_s=width_s, at=at, queue=queue, job=job), cell)


def kept(session: Session, since: datetime, until: datetime) -> dict[Place, JobFigure]:
    """The minutes' figures of that time (``until`` excluded)."""
    minutes = (JobFigure.width_s == MINUTE_S, JobFigure.at >= since, JobFigure.at < until)
    return {(one.at, one.queue, one.job): one for one in session.scalars(select(JobFigure).where(*minutes))}


def forget(session: Session, now: datetime) -> None:
    """Drop what is older than its resolution is kept."""
    for width_s, age in RETENTION.items():
        for figure in (JobFigure, QueueFigure):
            session.execute(delete(figure).where(figure.width_s == width_s, figure.at < now - age))


def _add(session: Session, empty: JobFigure, cell: Cell) -> None:
    key = (empty.width_s, empty.at, empty.queue, empty.job)
    figure = session.get(JobFigure, key)
    if figure is None:
        session.add(empty)
        figure = empty
    for name in COUNTED:
        setattr(figure, name, (getattr(figure, name) or 0) + cell.sums[name])
    figure.waits = add(figure.waits or {}, cell.waits)
    figure.runs = add(figure.runs or {}, cell.runs)
