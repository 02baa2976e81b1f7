"""How many workers the users need: the documents' formula, and beside it what their updates have really taken (C26)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domains.slots.cycle import DAY
from app.jobs.catalog import PROCESS_USER_DATA, concurrency
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus, Status

#: The newest completed updates are measured.
MEASURED = 1_000


@dataclass(frozen=True, slots=True)
class Workers:
    """How many worker processes the users need, by the documents' formula and by measured runs (CONTRACTS C26).

    ``busy_s`` is the mean time for which an update holds one of ``concurrency`` places, all its runs together; it and
    ``by_measure`` are None before any update is completed.
    """

    by_formula: int
    by_measure: int | None
    updates_per_day: float
    busy_s: float | None
    measured: int
    concurrency: int

    def as_dict(self) -> dict[str, float | None]:
        """As the API and ``toril slots --json`` show it."""
        return {
            "byFormula": self.by_formula,
            "byMeasure": self.by_measure,
            "updatesPerDay": self.updates_per_day,
            "meanBusySeconds": self.busy_s,
            "measuredUpdates": self.measured,
            "concurrency": self.concurrency,
        }


def workers_for(session: Session, users: int) -> Workers:
    """What so many users need, each once a day and once a week."""
    busy = _busy_s(session)
    mean = sum(busy) / len(busy) if busy else None
    a_day = users + users / 7
    places = concurrency()[PROCESS_USER_DATA.queue]
    by_measure = None if mean is None else workers_by_measure(a_day, mean, places)
    return Workers(workers_by_formula(users), by_measure, a_day, mean, len(busy), places)


def workers_by_formula(users: int) -> int:
    """Document 002's scaling guide."""
    return ceil(users / 1_000) * 2


def workers_by_measure(updates_per_day: float, busy_s: float, places: int) -> int:
    """So many that updates end as fast as they come: arrivals x mean duration / concurrency, one at least."""
    return max(ceil(updates_per_day * busy_s / DAY.total_seconds() / places), 1)


def _busy_s(session: Session) -> list[float]:
    """Of the newest completed updates: what their runs took, those included that failed or were parked."""
    newest = (
        select(JobStatus.id)
        .where(JobStatus.status == Status.COMPLETED, JobStatus.name == PROCESS_USER_DATA.name)
        .order_by(JobStatus.ended_at.desc(), JobStatus.id.desc())
        .limit(MEASURED)
    )
    runs = select(JobAttempt.job, JobAttempt.started_at, JobAttempt.ended_at).where(JobAttempt.job.in_(newest))
    took: dict[int, timedelta] = {}
    for job, started_at, ended_at in session.execute(runs):
        took[job] = took.get(job, timedelta()) + (ended_at - started_at)
    return [of_job.total_seconds() for of_job in took.values()]
