"""The crontab in words: for the clock's first lines, for `toril crontab`, and for docs/crontab.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy.orm import Session

from app.crontab import entries
from app.crontab.code import Job, scheduled_jobs
from app.crontab.cron import in_words, slots_between

#: As far ahead as anybody asks: leap day comes within it.
HORIZON = timedelta(days=8 * 366)
SHOWN = "%Y-%m-%d %H:%M:%S"

PAGE = """# The crontab

Every entry that the code brings: a file under `app/crontab/jobs/`, which a test holds to this page. After a change:
`toril crontab --markdown --since {since:%Y-%m-%d} > docs/crontab.md`. Operators may have changed an installation's own:
`toril crontab` shows those. Runs are in UTC.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in words."""

    id: str
    schedule: str
    words: str
    state: str
    next_runs: list[datetime]

    def __str__(self) -> str:
        following = f"next {self.next_runs[0]:{SHOWN}} UTC" if self.next_runs else "never again"
        return f"{self.id}: {self.words} ({self.schedule}), {following if self.state == 'on' else self.state}"


def lines(session: Session, now: datetime, runs: int = 5) -> list[Line]:
    """The table as it stands, with the next runs of each entry."""
    return [
        Line(
            entry.id,
            entry.schedule,
            _words(entry.schedule, entry.timezone),
            _state(enabled=entry.enabled, is_ours=entries.is_ours(entry)),
            next_runs(entry.schedule, entry.timezone, now, runs),
        )
        for entry in entries.all_entries(session)
    ]


def lines_of_code(now: datetime, runs: int = 5) -> list[Line]:
    """The same of what the code brings, for want of a table."""
    return [
        Line(
            job.name,
            job.schedule,
            _words(job.schedule, job.timezone),
            _state(enabled=job.enabled, is_ours=True),
            next_runs(job.schedule, job.timezone, now, runs),
        )
        for job in scheduled_jobs()
    ]


def next_runs(schedule: str, zone: str, now: datetime, count: int = 5) -> list[datetime]:
    """The next moments of a schedule, in UTC."""
    return list(islice(slots_between(schedule, zone, now, now + HORIZON), count))


def markdown(since: datetime) -> str:
    """docs/crontab.md."""
    return "\n".join([PAGE.format(since=since), *(_section(job, since) for job in scheduled_jobs())])


def _section(job: Job, since: datetime) -> str:
    """One entry: what, when, and what proves it."""
    runs = ", ".join(f"{run:{SHOWN}}" for run in next_runs(job.schedule, job.timezone, since))
    limits = f"{job.timeout_s} s, {job.memory_limit_mb or 'no limit of'} MB, {_times(job.attempts)}"
    rows = (
        ("title", job.title),
        ("schedule", f"`{job.schedule}`: {_words(job.schedule, job.timezone)}"),
        ("first runs", runs),
        ("missed slots", {"skip": "none runs", "one": "the latest runs", "all": "each runs"}[job.catch_up]),
        ("limits of a run", limits),
        ("where", ", ".join(job.environments) or "everywhere"),
        ("rows read", job.reads),
        ("rows written", job.writes),
        ("known answer", f"`{job.proof}`"),
    )
    return "\n".join([f"## {job.name}\n", "| | |", "|---|---|", *(f"| {name} | {says} |" for name, says in rows), ""])


def _words(schedule: str, zone: str) -> str:
    return f"{in_words(schedule)}, {zone}"


def _state(*, enabled: bool, is_ours: bool) -> str:
    if not is_ours:
        return "not in this environment"
    return "on" if enabled else "stopped"


def _times(attempts: int) -> str:
    return "one attempt" if attempts == 1 else f"{attempts} attempts"
