"""The worker processes: whether each is heard of, which version it runs, and what it is doing now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db
from app.clock import utc_now
from app.dashboard.site import bp, page
from app.domains.slots.stats import SlotStats, stats
from app.ledger.workers import SILENT_FOR
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus, Status
from app.models.user import Role
from app.models.worker import Worker

#: Versions are known from the newest runs.
NEWEST = 500
MOST_JOBS = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """A worker, the version of its newest run (None: it has ended none lately), and its running jobs."""

    worker: Worker
    is_silent: bool
    version: str | None
    jobs: Sequence[JobStatus]


@bp.get("/workers")
@page(Role.VIEWER)
def workers() -> str:
    """Those that were heard of lately, those that were not, and how many it takes."""
    now = utc_now()
    with db.reading() as session:
        found = lines(session, now)
        slots: SlotStats = stats(session)
    living, silent = ([one for one in found if one.is_silent is mute] for mute in (False, True))
    return render_template("workers.html", living=living, silent=silent, need=slots.workers)


def lines(session: Session, now: datetime) -> list[Line]:
    """Every worker that is known, the last heard of first."""
    versions = dict(
        session.execute(
            select(JobAttempt.worker, JobAttempt.version)
            .order_by(JobAttempt.job.desc(), JobAttempt.run.desc())
            .limit(NEWEST)
        ).all()[::-1]
    )
    running: dict[str | None, list[JobStatus]] = {}
    active = (JobStatus.status == Status.ACTIVE, JobStatus.ended_at.is_(None))
    for job in session.scalars(select(JobStatus).where(*active).order_by(JobStatus.id).limit(MOST_JOBS)):
        running.setdefault(job.worker, []).append(job)
    known = session.scalars(select(Worker).order_by(Worker.seen_at.desc(), Worker.name))
    return [
        Line(one, one.seen_at < now - SILENT_FOR, versions.get(one.name), running.get(one.name, [])) for one in known
    ]
