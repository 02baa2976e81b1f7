"""The rules. Each reads rows or figures that are small at any number of jobs, and needs no Redis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.alerts.rule import Finding, Rule, at_once
from app.crontab.overdue import overdue
from app.domains.slots import stats
from app.ledger.figures.keeping import HOUR_S, MINUTE_S, start_of
from app.ledger.figures.reading import failures_by_job
from app.ledger.tallies import read_tallies
from app.models.job_status import FAILED, JobStatus, Status
from app.models.queue_figure import QueueFigure
from app.settings import settings

BASELINE = timedelta(days=7)
#: A rate below is nobody's alarm, however quiet the week was.
LEAST_RATE = 0.05
#: A look at the queues that is older says nothing of now.
LOOKED_WITHIN = timedelta(minutes=2)


def freshness_burns(session: Session, now: datetime) -> Iterator[Finding]:
    """More users than tolerated have data that should have been refreshed by now."""
    most = settings().alert_late_percent
    for cadence, freshness in (("daily", stats.daily_freshness), ("weekly", stats.weekly_freshness)):
        found = freshness(session, now)
        percent = 100 * found.late / found.users if found.users else 0
        if percent > most:
            text = (
                f"{found.late} of {found.users} users have late {cadence} data ({percent:.1f} %, {most:g} % tolerated)"
            )
            yield Finding(cadence, percent, most, f"{text}: see what their last refreshes failed of")


def entry_is_overdue(session: Session, now: datetime) -> Iterator[Finding]:
    """A scheduled run should have begun and has not."""
    most = settings().alert_overdue_s
    for one in overdue(session, now):
        late_s = (now - one.slot).total_seconds()
        if late_s > most:
            asks = "does a producer run?" if one.why == "not added" else "does a worker run, and is the queue paused?"
            text = f"{one.entry_id} is {late_s / 60:.0f} minutes late ({one.why}): {asks}"
            yield Finding(one.entry_id, late_s, most, text)


def queue_is_slow(session: Session, now: datetime) -> Iterator[Finding]:
    """The oldest waiting job of a queue waits too long."""
    most = settings().alert_latency_s
    latest = select(func.max(QueueFigure.at)).where(QueueFigure.width_s == MINUTE_S).scalar_subquery()
    looks = select(QueueFigure).where(QueueFigure.width_s == MINUTE_S, QueueFigure.at == latest)
    for look in session.scalars(looks):
        oldest_s = look.oldest_ms / 1_000
        if oldest_s > most and now - look.at < LOOKED_WITHIN:
            text = f"the oldest of {look.waiting} jobs in {look.queue} has waited for {oldest_s:.0f} s"
            yield Finding(look.queue, oldest_s, most, f"{text}: is it paused, or are there too few workers?")


def jobs_fail_more_than_before(session: Session, now: datetime) -> Iterator[Finding]:
    """A job's failure rate is far above that of the week before."""
    given = settings()
    since = now - timedelta(seconds=given.alert_failure_window_s)
    before = failures_by_job(session, HOUR_S, since - BASELINE, start_of(since, HOUR_S))
    for (queue, job), (failed, tried) in failures_by_job(session, MINUTE_S, since, now).items():
        usual_failed, usual_tried = before.get((queue, job), (0, 0))
        usual = usual_failed / usual_tried if usual_tried else 0
        most = min(max(given.alert_failure_factor * usual, LEAST_RATE), 1)
        rate = failed / tried
        if tried >= given.alert_failure_jobs and rate >= most:
            text = f"{failed} of the last {tried} {job} in {queue} failed ({rate:.0%}, usually {usual:.1%})"
            yield Finding(f"{queue}/{job}"[:255], rate, most, f"{text}: see the failures grouped by error")


def jobs_kill_their_workers(session: Session, now: datetime) -> Iterator[Finding]:
    """Jobs were failed because worker processes died of them."""
    given = settings()
    since = now - timedelta(seconds=given.alert_poison_window_s)
    name = JobStatus.queue, JobStatus.name
    killers = (FAILED, JobStatus.status == Status.FAILED, JobStatus.crashes > 0, JobStatus.ended_at >= since)
    found = select(*name, func.count(), func.max(JobStatus.job_id)).where(*killers).group_by(*name)
    for queue, job, count, sample in session.execute(found):
        if count >= given.alert_poison_jobs:
            text = f"{count} {job} in {queue} failed after killing their workers, such as job {sample}"
            yield Finding(f"{queue}/{job}"[:255], count, given.alert_poison_jobs, f"{text}: its error names the cause")


def reconciler_has_mended(session: Session, now: datetime) -> Iterator[Finding]:
    """Redis and the rows had come apart."""
    given = settings()
    since = now - timedelta(seconds=given.alert_repairs_window_s)
    for name, tally in read_tallies(session.connection()).items():
        if tally.last_at >= since and tally.last_count >= given.alert_repairs:
            text = f"{tally.last_count} jobs {name}, {tally.count} so far: has a process or Redis died?"
            yield Finding(name, tally.last_count, given.alert_repairs, text)


RULES = (
    Rule(
        "freshness burn",
        freshness_burns,
        lambda: timedelta(seconds=settings().alert_late_window_s),
        every=timedelta(minutes=1),  # it counts all users
    ),
    Rule("entry overdue", entry_is_overdue, lambda: timedelta(seconds=settings().alert_overdue_window_s)),
    Rule("queue latency", queue_is_slow, lambda: timedelta(seconds=settings().alert_latency_window_s)),
    Rule("failure rate", jobs_fail_more_than_before, at_once),
    Rule("poison pill", jobs_kill_their_workers, at_once),
    Rule("reconciler", reconciler_has_mended, at_once),
)
