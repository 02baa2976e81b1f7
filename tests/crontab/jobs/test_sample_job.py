"""The sample does what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from app import db
from app.models.cron_session import CronSession, SessionStatus
from tests.crontab.jobs.running import run_job

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_sample_counts_its_own_runs_of_the_last_day(database: Engine) -> None:
    """Two completed, one failed; one of another entry, one too old, and the run itself do not count."""
    good, bad, now = SessionStatus.COMPLETED, SessionStatus.FAILED, SessionStatus.RUNNING
    rows = [
        ("sampleJob", 4, good),
        ("sampleJob", 8, good),
        ("sampleJob", 12, bad),
        ("other", 4, good),
        ("sampleJob", 24, good),
    ]
    with db.session() as session:
        for entry, hours, status in [*rows, ("sampleJob", 0, now)]:
            slot = NINE - hours * HOUR
            session.add(CronSession(entry_id=entry, job_name=entry, slot=slot, start_time=slot, status=status))

    counts = run_job("sampleJob", NINE)

    assert counts == {"RUNNING": 0, "COMPLETED": 2, "FAILED": 1, "SKIPPED": 0}
