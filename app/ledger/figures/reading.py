"""What is drawn and compared: waits, durations, throughput and failures of jobs and of queues, by time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.ledger.figures.buckets import percentile
from app.ledger.figures.cell import COUNTED, Cell
from app.ledger.figures.keeping import HOUR_S, MINUTE_S, QUARTER_S, start_of
from app.models.job_figure import JobFigure
from app.models.queue_figure import QueueFigure

Window = Literal["1h", "24h", "7d"]
#: How long, and by which resolution.
WINDOWS: Mapping[Window, tuple[timedelta, int]] = {
    "1h": (timedelta(hours=1), MINUTE_S),
    "24h": (timedelta(hours=24), QUARTER_S),
    "7d": (timedelta(days=7), HOUR_S),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Jobs that ended in some time. Durations in ms; None where no job tells one. ``failure_rate`` is 0 to 1."""

    completed: int
    partial: int
    failed: int
    cancelled: int
    crashes: int
    wait_p50_ms: int | None
    wait_p95_ms: int | None
    run_p50_ms: int | None
    run_p95_ms: int | None

    @property
    def ended(self) -> int:
        """Whatever their end."""
        return self.completed + self.partial + self.failed + self.cancelled

    @property
    def failure_rate(self) -> float | None:
        """Of those that were not cancelled; None without any."""
        tried = self.ended - self.cancelled
        return self.failed / tried if tried else None


@dataclass(frozen=True, slots=True)
class Point:
    """One stretch of a series, from ``at`` on."""

    at: datetime
    figures: Figures


@dataclass(frozen=True, slots=True)
class JobSeries:
    """The jobs of one name: in all, and stretch by stretch, those without an ended job left out."""

    queue: str
    job: str
    total: Figures
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class QueuePoint:
    """One stretch of a queue: its ended jobs, and at its worst moment how many waited, the oldest for how long."""

    at: datetime
    figures: Figures
    waiting: int | None
    oldest_waiting_ms: int | None


@dataclass(frozen=True, slots=True)
class QueueSeries:
    """All jobs of one queue together."""

    queue: str
    total: Figures
    points: Sequence[QueuePoint]


def resolution(window: Window) -> timedelta:
    """How long one stretch of that window's series is."""
    return timedelta(seconds=WINDOWS[window][1])


def job_series(
    session: Session, window: Window, now: datetime, *, queue: str | None = None, job: str | None = None
) -> list[JobSeries]:
    """Every job's name that ended in the window, by queue and name. Costs the same at any number of rows."""
    cells: dict[tuple[str, str], dict[datetime, Cell]] = {}
    for one in _job_figures(session, window, now, queue, job):
        cells.setdefault((one.queue, one.job), {})[one.at] = cell_of(one)
    return [
        JobSeries(of_queue, name, figures(by_time.values()), [Point(at, figures([by_time[at]])) for at in by_time])
        for (of_queue, name), by_time in sorted(cells.items())
    ]


def queue_series(session: Session, window: Window, now: datetime, *, queue: str | None = None) -> list[QueueSeries]:
    """Every queue that was looked at in the window: what the charts of wait, run and oldest waiting draw."""
    cells: dict[str, dict[datetime, Cell]] = {}
    for one in _job_figures(session, window, now, queue, None):
        cells.setdefault(one.queue, {}).setdefault(one.at, Cell()).add(cell_of(one))
    looks: dict[str, dict[datetime, QueueFigure]] = {}
    for look in _queue_figures(session, window, now, queue):
        looks.setdefault(look.queue, {})[look.at] = look
    series = []
    for name in sorted({*cells, *looks}):
        ended, seen = cells.get(name, {}), looks.get(name, {})
        points = [_queue_point(at, ended.get(at), seen.get(at)) for at in sorted({*ended, *seen})]
        series.append(QueueSeries(name, figures(ended.values()), points))
    return series


def failures_by_job(
    session: Session, width_s: int, since: datetime, until: datetime
) -> dict[tuple[str, str], tuple[int, int]]:
    """By queue and job, how many failed and how many were tried, in the stretches that begin in that time."""
    failed = func.sum(JobFigure.failed)
    tried = func.sum(JobFigure.completed + JobFigure.partial + JobFigure.failed)
    stretches = (JobFigure.width_s == width_s, JobFigure.at >= start_of(since, width_s), JobFigure.at < until)
    of_job = (JobFigure.queue, JobFigure.job)
    counted = select(*of_job, failed, tried).where(*stretches).group_by(*of_job).having(tried > 0)
    return {(queue, job): (int(f), int(t)) for queue, job, f, t in session.execute(counted)}


def figures(cells: Iterable[Cell]) -> Figures:
    """Several stretches, or several jobs, together."""
    total = Cell()
    for cell in cells:
        total.add(cell)
    sums = total.sums
    return Figures(
        **{name: sums[name] for name in ("completed", "partial", "failed", "cancelled", "crashes")},
        wait_p50_ms=percentile(total.waits, 50),
        wait_p95_ms=percentile(total.waits, 95),
        run_p50_ms=percentile(total.runs, 50),
        run_p95_ms=percentile(total.runs, 95),
    )


def cell_of(figure: JobFigure) -> Cell:
    """The figure, to be added to others."""
    cell = Cell()
    cell.sums.update({name: getattr(figure, name) for name in COUNTED})
    cell.waits.update(figure.waits)
    cell.runs.update(figure.runs)
    return cell


def _queue_point(at: datetime, cell: Cell | None, look: QueueFigure | None) -> QueuePoint:
    return QueuePoint(
        at,
        figures([cell] if cell else []),
        look.waiting if look else None,
        look.oldest_ms if look else None,
    )


def _job_figures(
    session: Session, window: Window, now: datetime, queue: str | None, job: str | None
) -> Iterable[JobFigure]:
    length, width_s = WINDOWS[window]
    found = select(JobFigure).where(JobFigure.width_s == width_s, JobFigure.at > start_of(now - length, width_s))
    if queue is not None:
        found = found.where(JobFigure.queue == queue)
    if job is not None:
        found = found.where(JobFigure.job == job)
    return session.scalars(found.order_by(JobFigure.at))


def _queue_figures(session: Session, window: Window, now: datetime, queue: str | None) -> Iterable[QueueFigure]:
    length, width_s = WINDOWS[window]
    since = start_of(now - length, width_s)
    found = select(QueueFigure).where(QueueFigure.width_s == width_s, QueueFigure.at > since)
    if queue is not None:
        found = found.where(QueueFigure.queue == queue)
    return session.scalars(found.order_by(QueueFigure.at))
