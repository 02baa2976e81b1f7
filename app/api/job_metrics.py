"""/api/v1/metrics/jobs: throughput, failures, waits and durations by queue and job, over an hour, a day or a week."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint
from pydantic import Field
from typing_extensions import TypedDict

from app import db
from app.api.input import Query, read_query
from app.api.replies import Answer, ok
from app.auth.guard import requires
from app.clock import utc_now
from app.ledger.figures.reading import (
    WINDOWS,
    Figures,
    JobSeries,
    QueueSeries,
    Window,
    job_series,
    queue_series,
    resolution,
)
from app.models.user import Role

bp = Blueprint("job_metrics", __name__, url_prefix="/api/v1/metrics")

SECOND = timedelta(seconds=1)


class Asked(Query):
    """Of when, and of which: all unless named."""

    window: Window = "1h"
    queue: str | None = Field(None, max_length=255, pattern=r"^[^\x00]+$")
    job: str | None = Field(None, max_length=255, pattern=r"^[^\x00]+$")


class Percentiles(TypedDict):
    """In ms; null while nothing was measured."""

    p50: int | None
    p95: int | None


class ShownFigures(TypedDict):
    """How jobs ended, how long they had waited when they started, and how long they ran."""

    ended: int
    completed: int
    partial: int
    failed: int
    cancelled: int
    failureRate: float | None
    waitMs: Percentiles
    runMs: Percentiles


class JobPoint(ShownFigures):
    """Of one stretch, from ``at`` on."""

    at: datetime


class QueuePoint(JobPoint):
    """With what waited then."""

    waiting: int | None
    oldestWaitingMs: int | None


class Total(ShownFigures):
    """Of the whole window."""

    perMinute: float


class MetricsOfJob(Total):
    """One job of one queue."""

    queue: str
    job: str
    series: list[JobPoint]


class MetricsOfQueue(Total):
    """All of one queue's jobs."""

    queue: str
    series: list[QueuePoint]


class ShownMetrics(TypedDict):
    """Until when, and how long a stretch is."""

    window: Window
    until: datetime
    bucketSeconds: int
    jobs: list[MetricsOfJob]
    queues: list[MetricsOfQueue]


@bp.get("/jobs")
@requires(Role.VIEWER)
def jobs() -> Answer[ShownMetrics]:
    """In stretches of a minute, a quarter of an hour or an hour; durations in ms (S1-F3)."""
    asked = read_query(Asked)
    queue = asked.queue and asked.queue.replace(":", "-")
    with db.reading() as session:
        now = utc_now()
        by_job = job_series(session, asked.window, now, queue=queue, job=asked.job)
        by_queue = queue_series(session, asked.window, now, queue=queue)
    length = WINDOWS[asked.window][0]
    return ok(
        {
            "window": asked.window,
            "until": now,
            "bucketSeconds": resolution(asked.window) // SECOND,
            "jobs": [_job(one, length) for one in by_job],
            "queues": [_queue(one, length) for one in by_queue],
        }
    )


def _job(series: JobSeries, length: timedelta) -> MetricsOfJob:
    return {
        "queue": series.queue,
        "job": series.job,
        **_total(series.total, length),
        "series": [{"at": point.at, **_figures(point.figures)} for point in series.points],
    }


def _queue(series: QueueSeries, length: timedelta) -> MetricsOfQueue:
    return {
        "queue": series.queue,
        **_total(series.total, length),
        "series": [
            {
                "at": point.at,
                **_figures(point.figures),
                "waiting": point.waiting,
                "oldestWaitingMs": point.oldest_waiting_ms,
            }
            for point in series.points
        ],
    }


def _total(figures: Figures, length: timedelta) -> Total:
    return {**_figures(figures), "perMinute": round(figures.ended / (length / timedelta(minutes=1)), 3)}


def _figures(figures: Figures) -> ShownFigures:
    return {
        "ended": figures.ended,
        "completed": figures.completed,
        "partial": figures.partial,
        "failed": figures.failed,
        "cancelled": figures.cancelled,
        "failureRate": figures.failure_rate,
        "waitMs": {"p50": figures.wait_p50_ms, "p95": figures.wait_p95_ms},
        "runMs": {"p50": figures.run_p50_ms, "p95": figures.run_p95_ms},
    }
