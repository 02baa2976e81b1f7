"""Exports of the crontab: each publisher's last week or month, once a slot, when it is over there."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from app import db
from app.domains.publishers.artifacts.shown import as_they_are, newest, older
from app.domains.publishers.periods import Period, due_there, period_before, period_of
from app.jobs.catalog import DATA_EXPORT
from app.jobs.engine import find_queue
from app.models.export import Export
from app.models.job_status import JobStatus
from app.settings import settings
from tests.crontab.jobs.running import run_job
from tests.domains.publishers.conftest import NINE, add_publisher
from tests.domains.publishers.events import add
from tests.domains.publishers.exports.conftest import DAY, HOUR

MONDAY = datetime(2026, 1, 5, 6, tzinfo=UTC)
FIRST = datetime(2026, 3, 1, 6, tzinfo=UTC)


def promised() -> dict[str, tuple[date, date, datetime | None]]:
    """By export: its days, and when its job is due."""
    with db.reading() as session:
        jobs = {row.job_id: row.due_at for row in session.scalars(select(JobStatus))}
        return {one.id: (one.start_on, one.end_on, jobs[one.job_id]) for one in session.scalars(select(Export))}


def delays() -> list[int]:
    """Of the jobs, in hours."""
    with db.reading() as session:
        return sorted(ms // 3_600_000 for ms in session.scalars(select(JobStatus.delay_ms)))


def test_each_publishers_last_week_is_due_at_its_own_six_oclock(exports: Path) -> None:
    """In New York five hours later, in Tokyo at once: there it is Monday afternoon. Twice the slot is once."""
    for key, zone in (("here", "UTC"), ("west", "America/New_York"), ("east", "Asia/Tokyo")):
        add_publisher(key, timezone=zone)

    first, again = (run_job("weeklyExports", MONDAY) for _ in range(2))

    days = {key: (start, end) for key, (start, end, _) in promised().items()}
    assert (first, again) == ({"promised": 3}, {"promised": 0})
    assert days == {
        f"weekly-20260105-{key}": (date(2025, 12, 29), date(2026, 1, 4)) for key in ("here", "west", "east")
    }
    assert delays() == [0, 0, 5]
    assert find_queue("data-export").count() == 3


def test_each_publishers_last_month_is_due_at_its_own_six_oclock(exports: Path) -> None:
    """February of 2026 has 28 days."""
    add_publisher("here")

    run_job("monthlyExports", FIRST)

    [(key, (start, end, _))] = promised().items()
    assert (key, start, end) == ("monthly-20260301-here", date(2026, 2, 1), date(2026, 2, 28))


@pytest.mark.parametrize(
    ("kind", "day", "its", "before"),
    [
        ("daily", date(2026, 3, 1), Period(date(2026, 3, 1), date(2026, 3, 1)), date(2026, 2, 28)),
        ("weekly", date(2026, 1, 1), Period(date(2025, 12, 29), date(2026, 1, 4)), date(2025, 12, 22)),
        ("weekly", date(2026, 1, 5), Period(date(2026, 1, 5), date(2026, 1, 11)), date(2025, 12, 29)),
        ("monthly", date(2028, 2, 29), Period(date(2028, 2, 1), date(2028, 2, 29)), date(2028, 1, 1)),
        ("monthly", date(2026, 12, 31), Period(date(2026, 12, 1), date(2026, 12, 31)), date(2026, 11, 1)),
    ],
)
def test_a_period_is_the_calendars(kind: str, day: date, its: Period, before: date) -> None:
    """Weeks begin on Monday; the one before ends on the day before."""
    assert period_of(kind, day) == its  # type: ignore[arg-type]
    assert period_before(kind, day).first == before  # type: ignore[arg-type]


def test_what_is_due_there_is_never_in_the_past() -> None:
    """06:00 in Madrid was an hour ago."""
    assert due_there(MONDAY, "Europe/Madrid") == MONDAY
    assert due_there(MONDAY, "America/Los_Angeles") == MONDAY + 8 * HOUR


def export(key: str, created_at: datetime = NINE, **fields: object) -> Export:
    """One of pub-1, pending."""
    known = {
        "publisher_id": "pub-1",
        "job_id": f"job-{key}",
        "state": "pending",
        "format": "csv",
        "start_on": date(2026, 1, 1),
        "end_on": date(2026, 1, 1),
        "filters": {},
        "expires_at": created_at + 7 * DAY,
    }
    return Export(id=key, created_at=created_at, **{**known, **fields})


def test_an_export_whose_job_is_gone_has_failed_and_an_old_one_has_expired(exports: Path) -> None:
    """The row cannot say so: nobody was left to write it."""
    add_publisher()
    queue = find_queue(DATA_EXPORT)
    removed, waiting = (queue.add("x", {}) for _ in range(2))
    queue.remove(removed)
    rows = [
        export("lost", job_id=removed),
        export("waits", job_id=waiting),
        export("unknown"),
        export("done", state="completed"),
        export("old", NINE - 7 * DAY, state="completed"),
        export("failed", state="failed", error="no space"),
    ]

    with db.reading() as session:
        found = as_they_are(session, DATA_EXPORT, rows, NINE)

    assert [(one.state, one.error) for one in found] == [
        ("failed", "its job was removed"),
        ("pending", None),
        ("pending", None),
        ("completed", None),
        ("expired", None),
        ("failed", "no space"),
    ]


def test_pages_of_the_newest_go_on_after_the_last(exports: Path) -> None:
    """Of equal times the greater id comes first; another publisher's are left out."""
    add_publisher()
    add_publisher("pub-2")
    add(export("a"), export("b"), export("c", NINE + HOUR), export("d", publisher_id="pub-2"))

    with db.reading() as session:
        mine = newest(Export, publisher_id="pub-1")
        first = session.scalars(mine.limit(2)).all()
        rest = session.scalars(mine.where(older(Export, first[-1]))).all()

    assert [[one.id for one in page] for page in (first, rest)] == [["c", "b"], ["a"]]


@pytest.mark.parametrize(
    ("entry", "slot", "days"),
    [
        ("weeklyExports", datetime(2026, 1, 4, 21, tzinfo=UTC), (date(2025, 12, 29), date(2026, 1, 4))),
        ("monthlyExports", datetime(2026, 2, 28, 21, tzinfo=UTC), (date(2026, 2, 1), date(2026, 2, 28))),
    ],
)
def test_what_is_over_is_told_by_the_clock_of_the_entry(
    exports: Path, monkeypatch: pytest.MonkeyPatch, entry: str, slot: datetime, days: tuple[date, date]
) -> None:
    """Monday 5 January and 1 March, 06:00 in Tokyo: in UTC it is the evening before."""
    monkeypatch.setenv("TIMEZONE", "Asia/Tokyo")
    settings.cache_clear()
    add_publisher("here", timezone="Asia/Tokyo")

    run_job(entry, slot)

    [(start, end, _)] = promised().values()
    assert (start, end) == days
