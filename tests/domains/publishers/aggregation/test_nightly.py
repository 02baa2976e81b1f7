"""Each night's aggregations: due at one o'clock where the publisher is, once a slot, late events included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app import db
from app.broker.queue import Queue
from app.domains.publishers.aggregation.nightly import next_one_oclock
from app.jobs.engine import find_queue
from app.models.job_status import JobStatus
from tests.crontab.jobs.running import run_job
from tests.domains.publishers.conftest import add_publisher
from tests.domains.publishers.events import add, told
from tests.jobs import conftest as jobs

queue = jobs.queue
SLOT = datetime(2026, 3, 10, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def promised() -> dict[tuple[str, str], list[tuple[str, str, int]]]:
    """By publisher and granularity: the days, and in how many hours."""
    found: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    with db.reading() as session:
        for row in session.scalars(select(JobStatus).order_by(JobStatus.job_id)):
            asked = row.data
            days = (asked["startDate"], asked["endDate"], row.delay_ms // 3_600_000)
            found.setdefault((asked["publisherId"], asked["granularity"]), []).append(days)
    return found


def test_each_publishers_day_before_is_due_at_its_one_oclock(queue: Queue) -> None:
    """In New York it is the 9th still, in Tokyo the morning of the 10th; twice the slot is once."""
    for key, zone in (("here", "UTC"), ("west", "America/New_York"), ("east", "Asia/Tokyo")):
        add_publisher(key, timezone=zone)

    first, again = (run_job("dailyAggregation", SLOT) for _ in range(2))

    assert (first, again) == ({"promised": 12}, {"promised": 12})
    assert promised() == {
        (key, granularity): [days]
        for key, days in {
            "here": ("2026-03-09", "2026-03-09", 0),
            "west": ("2026-03-09", "2026-03-09", 4),
            "east": ("2026-03-10", "2026-03-10", 15),
        }.items()
        for granularity in ("hour", "day", "week", "month")
    }
    assert find_queue("analytics-aggregation").count() == 12


def test_days_that_have_got_events_since_are_aggregated_again(queue: Queue) -> None:
    """As many at once as a job may; what came before the last slot was done then."""
    add_publisher()
    add_publisher("quiet")
    old = datetime(2025, 1, 1, 12, tzinfo=UTC)
    add(
        told("late", old, received_at=SLOT - timedelta(hours=2)),
        told("done", old - 100 * DAY, received_at=SLOT - 2 * DAY),
        told("done", old - 100 * DAY, received_at=SLOT - 2 * DAY, publisher_id="quiet"),
    )

    run_job("dailyAggregation", SLOT)

    assert promised()["pub-1", "hour"] == [("2025-01-01", "2025-02-02", 0), ("2025-02-03", "2026-03-09", 0)]
    assert promised()["pub-1", "day"] == [("2025-01-01", "2026-03-09", 0)]
    assert promised()["quiet", "hour"] == [("2026-03-09", "2026-03-09", 0)]


def test_premium_publishers_come_first(queue: Queue) -> None:
    """Whatever their names."""
    add_publisher("a-plain")
    add_publisher("b-premium", is_premium=True)

    run_job("dailyAggregation", SLOT)

    waiting = find_queue("analytics-aggregation").get_jobs(["waiting", "prioritized"], asc=True)
    assert {job.data["publisherId"] for job in waiting[:4]} == {"b-premium"}


@pytest.mark.parametrize(
    ("zone", "slot", "due"),
    [
        ("UTC", SLOT, SLOT),
        ("UTC", SLOT + timedelta(minutes=1), SLOT + DAY),
        ("America/New_York", datetime(2026, 3, 8, 1, tzinfo=UTC), datetime(2026, 3, 8, 6, tzinfo=UTC)),
        ("Pacific/Kiritimati", SLOT, datetime(2026, 3, 10, 11, tzinfo=UTC)),
        ("Pacific/Niue", SLOT, datetime(2026, 3, 10, 12, tzinfo=UTC)),
    ],
)
def test_one_oclock_is_the_next_on_their_wall(zone: str, slot: datetime, due: datetime) -> None:
    """14 hours ahead of us, and 11 behind."""
    assert next_one_oclock(slot, zone) == due
