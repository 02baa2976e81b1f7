"""Figures of an hour, and of this moment, from the rows and the queues (S4-8, S4-14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, distinct, func, select
from sqlalchemy.orm import Session

from app import db
from app.domains.maintenance.snapshots import keep
from app.domains.maintenance.statistics import queue_counts, workers
from app.ledger.performance import ENDS
from app.models.cron_session import CronSession, SessionStatus
from app.models.job_status import JobStatus, Status

HOUR = timedelta(hours=1)
FAILED = (CronSession.status == SessionStatus.FAILED, CronSession.will_retry.is_(False))


@dataclass(frozen=True, slots=True)
class Span:
    """From ``since`` up to, not with, ``until``."""

    since: datetime
    until: datetime

    def holds(self, moment: Any) -> ColumnElement[bool]:
        """Whether a column's time is in it."""
        held: ColumnElement[bool] = (moment >= self.since) & (moment < self.until)
        return held


def collect_metrics(slot: datetime, now: datetime) -> dict[str, Any]:
    """The figures of the hour that ends with the slot, kept and returned."""
    with db.session() as session:
        found = metrics(session, Span(slot - HOUR, slot))
        keep(session, "metricsCollection", slot, found, now)
    return found


def take_queue_snapshot(slot: datetime, now: datetime) -> dict[str, Any]:
    """Every queue as it is, kept and returned."""
    counted = queue_counts()
    with db.session() as session:
        found = {"queues": counted, "workers": workers(session, now)}
        keep(session, "debugMetrics", slot, found, now)
    return found


def metrics(session: Session, span: Span) -> dict[str, Any]:
    """Per queue: jobs by end, how long completed ones took (ms); and the crontab's sessions by status."""
    sessions = select(CronSession.status, func.count()).where(span.holds(CronSession.start_time))
    return {
        "since": span.since.isoformat(),
        "until": span.until.isoformat(),
        "queues": {queue: _queue(session, queue, ends, span) for queue, ends in sorted(_ends(session, span).items())},
        "sessions": dict(session.execute(sessions.group_by(CronSession.status)).all()),
    }


def totals(session: Session, span: Span) -> dict[str, int]:
    """Of all queues together: jobs by end, users with a completed refresh, runs of the crontab that failed."""
    ended = dict.fromkeys((str(end) for end in ENDS), 0)
    for ends in _ends(session, span).values():
        for end, count in ends.items():
            ended[end] += count
    refreshed = (JobStatus.user_id.is_not(None), JobStatus.status.in_((Status.COMPLETED, Status.PARTIAL)))
    users = select(func.count(distinct(JobStatus.user_id))).where(*refreshed, span.holds(JobStatus.ended_at))
    runs = select(func.count()).where(*FAILED, span.holds(CronSession.start_time))
    return {**ended, "users": session.scalar(users) or 0, "failed_runs": session.scalar(runs) or 0}


def _ends(session: Session, span: Span) -> dict[str, dict[str, int]]:
    ended = (JobStatus.status.in_(ENDS), span.holds(JobStatus.ended_at))
    counts = select(JobStatus.queue, JobStatus.status, func.count()).where(*ended)
    found: dict[str, dict[str, int]] = {}
    for queue, status, count in session.execute(counts.group_by(JobStatus.queue, JobStatus.status)):
        found.setdefault(queue, {})[status] = count
    return found


def _queue(session: Session, queue: str, ends: dict[str, int], span: Span) -> dict[str, Any]:
    completed = (JobStatus.queue == queue, JobStatus.status == Status.COMPLETED, span.holds(JobStatus.ended_at))
    took = select(JobStatus.duration_ms).where(*completed, JobStatus.duration_ms.is_not(None))
    mean, most = session.execute(
        took.with_only_columns(func.avg(JobStatus.duration_ms), func.max(JobStatus.duration_ms))
    ).one()
    at_95 = max((ends.get(Status.COMPLETED, 0) * 95 + 99) // 100 - 1, 0)
    p95: Sequence[int | None] = session.scalars(took.order_by(JobStatus.duration_ms).offset(at_95).limit(1)).all()
    return {
        **ends,
        "meanMs": None if mean is None else float(mean),
        "p95Ms": p95[0] if p95 else None,
        "maxMs": most,
    }
