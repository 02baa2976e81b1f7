"""Reports of the crontab: each publisher's last week or month, once a slot, when it is over there."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from app import db
from app.jobs.engine import find_queue
from app.models.job_status import JobStatus
from app.models.report import Report
from app.settings import settings
from tests.crontab.jobs.running import run_job
from tests.domains.publishers.conftest import add_publisher


def promised() -> dict[str, tuple[str, date, int]]:
    """By report: its kind, its day, and in how many hours its job is due."""
    with db.reading() as session:
        jobs = {row.job_id: row.delay_ms // 3_600_000 for row in session.scalars(select(JobStatus))}
        return {one.id: (one.report_type, one.date, jobs[one.job_id]) for one in session.scalars(select(Report))}


def test_each_publishers_last_week_is_due_at_its_own_eight_oclock(folder: Path) -> None:
    """In New York five hours later; twice the slot is once."""
    add_publisher("here")
    add_publisher("west", timezone="America/New_York")

    first, again = (run_job("weeklyReports", datetime(2026, 1, 5, 8, tzinfo=UTC)) for _ in range(2))

    assert (first, again) == ({"promised": 2}, {"promised": 0})
    assert promised() == {
        "weekly-20260105-here": ("weekly", date(2025, 12, 29), 0),
        "weekly-20260105-west": ("weekly", date(2025, 12, 29), 5),
    }
    assert find_queue("report-generation").count() == 2


def test_each_publishers_last_month_is_due_at_its_own_eight_oclock(folder: Path) -> None:
    """Of February, on 1 March."""
    add_publisher("here")

    run_job("monthlyReports", datetime(2026, 3, 1, 8, tzinfo=UTC))

    assert promised() == {"monthly-20260301-here": ("monthly", date(2026, 2, 1), 0)}


@pytest.mark.parametrize(
    ("entry", "slot", "reported"),
    [
        ("weeklyReports", datetime(2026, 1, 4, 23, tzinfo=UTC), ("weekly", date(2025, 12, 29), 0)),
        ("monthlyReports", datetime(2026, 2, 28, 23, tzinfo=UTC), ("monthly", date(2026, 2, 1), 0)),
    ],
)
def test_what_is_over_is_told_by_the_clock_of_the_entry(
    folder: Path, monkeypatch: pytest.MonkeyPatch, entry: str, slot: datetime, reported: tuple[str, date, int]
) -> None:
    """Monday 5 January and 1 March, 08:00 in Tokyo: in UTC it is the evening before."""
    monkeypatch.setenv("TIMEZONE", "Asia/Tokyo")
    settings.cache_clear()
    add_publisher("here", timezone="Asia/Tokyo")

    run_job(entry, slot)

    assert list(promised().values()) == [reported]
