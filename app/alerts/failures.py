"""Failures are told in groups: one message for all that fail within a minute, by job and by error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, delete, func, select
from sqlalchemy.orm import Session

from app import db
from app.alerts.announcing import Message, announce
from app.jobs.catalog import SEND_NOTIFICATION
from app.jobs.labels import RUNS_ENTRIES, label
from app.jobs.personal import redacted
from app.ledger import cursors
from app.models.crontab_entry import CrontabEntry
from app.models.job_status import JobStatus, Status
from app.models.untold_failure import UntoldFailure
from app.settings import settings

SOURCE = "failure notifications"
#: So many are taken at a time, and so many at most into one message; the rest follows in the next.
PAGE = 5_000
MOST = 50_000
#: Groups that a message shows, the largest first.
SHOWN = 20
ERROR_CHARACTERS = 300


@dataclass(slots=True)
class Group:
    """Failures of one job with one error; ``sample`` is the id of the row of the latest."""

    queue: str
    job: str
    count: int
    first_at: datetime
    last_at: datetime
    sample: int


def tell_failures(now: datetime) -> int:
    """Once the first failure that nobody knows of is a minute old, tell of all; returns of how many."""
    with db.session() as session:
        seen = cursors.position(session, SOURCE)
        oldest = session.scalar(
            select(func.min(JobStatus.ended_at)).join(UntoldFailure, UntoldFailure.job == JobStatus.id)
        )
        if oldest is None or now - oldest < timedelta(seconds=settings().notify_group_s):
            return 0
        if not cursors.move(session, SOURCE, seen, now.isoformat(), now):
            return 0
        groups = list(_without_silenced(session, _collect(session)))
        if groups:
            announce(session, _message(session, groups), now)
        return sum(group.count for group in groups)


def _collect(session: Session) -> list[Group]:
    """Take them all off the list, grouped. Who is retried meanwhile has not failed, for now."""
    found: dict[tuple[str, str, str | None], Group] = {}
    for _ in range(MOST // PAGE):
        jobs = session.scalars(select(UntoldFailure.job).order_by(UntoldFailure.job).limit(PAGE)).all()
        for row in session.execute(_alike(jobs)):
            job = label(row.queue, row.name, row.data)
            group = Group(row.queue, job, row.jobs, row.first_at, row.last_at, row.sample)
            known = found.setdefault((row.queue, job, row.error_group), group)
            if known is not group:
                known.count += group.count
                known.first_at = min(known.first_at, group.first_at)
                known.last_at = max(known.last_at, group.last_at)
                known.sample = max(known.sample, group.sample)
        session.execute(delete(UntoldFailure).where(UntoldFailure.job.in_(jobs)))
        if len(jobs) < PAGE:
            break
    return sorted(found.values(), key=lambda group: (-group.count, group.job))


def _alike(jobs: Sequence[int]) -> Select[Any]:
    """A notification that failed is not told: that would be another one."""
    data = case((JobStatus.name.in_(RUNS_ENTRIES), JobStatus.data)).label("data")
    by = (JobStatus.queue, JobStatus.name, data, JobStatus.error_group)
    counted = (
        func.count().label("jobs"),
        func.min(JobStatus.ended_at).label("first_at"),
        func.max(JobStatus.ended_at).label("last_at"),
        func.max(JobStatus.id).label("sample"),
    )
    failed = (JobStatus.id.in_(jobs), JobStatus.status == Status.FAILED, JobStatus.name != SEND_NOTIFICATION.name)
    return select(*by, *counted).where(*failed).group_by(*by)


def _without_silenced(session: Session, groups: Sequence[Group]) -> Iterator[Group]:
    """Entries of the crontab can switch it off (S4-13)."""
    silenced = set(session.scalars(select(CrontabEntry.id).where(CrontabEntry.alert_on_failure.is_(False))))
    return (group for group in groups if group.job not in silenced)


def _message(session: Session, groups: Sequence[Group]) -> Message:
    """Its title, its text, and the same for programs."""
    shown = groups[:SHOWN]
    samples = {
        row.id: row for row in session.scalars(select(JobStatus).where(JobStatus.id.in_([g.sample for g in shown])))
    }
    details = [_details(group, samples[group.sample]) for group in shown]
    total = sum(group.count for group in groups)
    names = sorted({group.job for group in groups})
    title = f"{total} {'job' if total == 1 else 'jobs'} failed: {', '.join(names[:3])}{' …' if len(names) > 3 else ''}"
    lines = [_line(one) for one in details]
    if len(groups) > SHOWN:
        lines.append(f"and {len(groups) - SHOWN} more kinds of failure")
    return Message("failures", title, "\n".join(lines), {"failures": details, "count": total})


def _details(group: Group, sample: JobStatus) -> dict[str, Any]:
    return {
        "job": group.job,
        "queue": group.queue,
        "count": group.count,
        "firstAt": group.first_at.isoformat(),
        "lastAt": group.last_at.isoformat(),
        "jobId": sample.job_id,
        "error": redacted((sample.error or "")[:ERROR_CHARACTERS]),
        "signature": sample.error_group,
    }


def _line(told: dict[str, Any]) -> str:
    first, last = told["firstAt"][:19], told["lastAt"][:19]
    when = first if told["count"] == 1 else f"{first} to {last}"
    return (
        f"{told['count']} × {told['job']} ({told['queue']}), {when} UTC, such as job {told['jobId']}: {told['error']}"
    )
