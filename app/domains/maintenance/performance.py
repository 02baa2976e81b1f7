"""A thousand jobs that do nothing, measured from their rows (S4-14, C38)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from app import db
from app.broker.errors import Park
from app.broker.recorder import NewJob
from app.crontab.slots import slot_name
from app.domains.maintenance.snapshots import keep
from app.jobs.catalog import NO_OP
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import Nothing
from app.models.job_status import JobStatus, Status

COUNT = 1_000
LOOK_AGAIN = timedelta(seconds=2)
GIVE_UP = timedelta(minutes=5)


class TooSlow(Exception):
    """The jobs did not end in time."""

    def __init__(self, ended: int) -> None:
        super().__init__(f"only {ended} of {COUNT} no-op jobs ended within {GIVE_UP}")


def run_performance_test(slot: datetime, now: datetime) -> dict[str, Any]:
    """Add the slot's jobs, wait without a thread, and keep the figures once all have ended.

    Raises Park until then, and TooSlow. A later attempt finds the jobs that an earlier one has added.
    """
    ids = [f"no-op-{slot_name(slot)}-{number}" for number in range(COUNT)]
    with db.session() as session:
        # The clock of a test that is triggered, or caught up, begins with its first job.
        begun_at = session.scalar(_rows(ids).with_only_columns(func.min(JobStatus.queued_at)).order_by(None))
        if begun_at is None:
            enqueue_with(session, [_job(job_id) for job_id in ids])
    if begun_at is None:
        raise Park(now + LOOK_AGAIN, f"{COUNT} no-op jobs run")
    with db.session() as session:
        rows = session.scalars(_rows(ids)).all()
        ended = [row for row in rows if row.ended_at is not None]
        if len(ended) < COUNT:
            if now - begun_at > GIVE_UP:
                raise TooSlow(len(ended))
            raise Park(now + LOOK_AGAIN, f"{COUNT - len(ended)} no-op jobs run")
        found = figures(ended)
        keep(session, "performanceTest", slot, found, now)
    return found


def figures(rows: Sequence[JobStatus]) -> dict[str, Any]:
    """Of ended rows: jobs a second from the first add to the last end, waits and durations in ms."""
    first = min(row.queued_at for row in rows)
    last = max(row.ended_at for row in rows if row.ended_at is not None)
    waits = sorted(_ms(row.started_at - row.queued_at) for row in rows if row.started_at is not None)
    took = sorted(row.duration_ms or 0 for row in rows)
    took_s = max((last - first) / timedelta(seconds=1), 0.001)
    return {
        "jobs": len(rows),
        "completed": sum(row.status == Status.COMPLETED for row in rows),
        "seconds": round(took_s, 3),
        "jobsPerSecond": round(len(rows) / took_s, 1),
        "waitMs": {"p50": _at(waits, 50), "p95": _at(waits, 95), "max": _at(waits, 100)},
        "durationMs": {"p50": _at(took, 50), "p95": _at(took, 95), "max": _at(took, 100)},
    }


def _rows(ids: Sequence[str]) -> Select[JobStatus]:
    return select(JobStatus).where(JobStatus.queue == NO_OP.queue, JobStatus.job_id.in_(ids))


def _job(job_id: str) -> NewJob:
    return new_job(NO_OP, Nothing(), job_id=job_id, promise_key=job_id)


def _ms(took: timedelta) -> int:
    return round(took / timedelta(milliseconds=1))


def _at(ordered: Sequence[int], percent: int) -> int | None:
    """The value that so many percent do not exceed."""
    return ordered[max((len(ordered) * percent + 99) // 100 - 1, 0)] if ordered else None
