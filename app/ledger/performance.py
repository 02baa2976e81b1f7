"""How jobs have gone lately, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.job_status import JobStatus, Status

ENDS = (Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CANCELLED)
NEWEST = 1_000


@dataclass(frozen=True, slots=True)
class Durations:
    """Of the newest completed jobs, in ms from claim to end; None while there are none."""

    jobs: int
    mean_ms: float | None
    p95_ms: int | None


def ends_since(session: Session, since: datetime) -> dict[str, int]:
    """How many jobs of all queues have ended in each way since then; a job that is retried has not ended (C15)."""
    ended = select(JobStatus.status, func.count()).where(JobStatus.status.in_(ENDS), JobStatus.ended_at >= since)
    counts = dict(session.execute(ended.group_by(JobStatus.status)).all())
    return {end.value: counts.get(end.value, 0) for end in ENDS}


def recent_durations(session: Session, limit: int = NEWEST, *, queue: str | None = None) -> Durations:
    """How long the newest completed jobs took; of a queue, those of it among the newest, so that one page is read."""
    completed = (JobStatus.status == Status.COMPLETED, JobStatus.ended_at.is_not(None))
    newest = select(JobStatus.queue, JobStatus.duration_ms).where(*completed)
    newest = newest.order_by(JobStatus.ended_at.desc(), JobStatus.id.desc()).limit(limit)
    found = session.execute(newest)
    took = sorted(row.duration_ms for row in found if row.duration_ms is not None and queue in (None, row.queue))
    return Durations(len(took), fmean(took) if took else None, _percentile_95(took))


def _percentile_95(ordered: Sequence[int]) -> int | None:
    return ordered[(len(ordered) * 95 - 1) // 100] if ordered else None
