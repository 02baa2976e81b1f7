"""Each hour's calculations: the last whole hour of every publisher's clock, once."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from app import db
from app.broker.queue import Queue
from app.jobs.engine import find_queue
from app.models.job_status import JobStatus
from tests.crontab.jobs.running import run_job
from tests.domains.publishers.conftest import add_publisher
from tests.jobs import conftest as jobs

queue = jobs.queue
SLOT = datetime(2026, 1, 1, 9, tzinfo=UTC)


def test_the_hour_before_is_calculated_once_for_each_publisher(queue: Queue) -> None:
    """In Kolkata it is half past two in the afternoon: the last whole hour began at one."""
    for key, zone in (("here", "UTC"), ("kolkata", "Asia/Kolkata"), ("west", "America/New_York")):
        add_publisher(key, timezone=zone)

    first, again = (run_job("hourlyMetrics", SLOT) for _ in range(2))

    with db.reading() as session:
        asked = {row.data["publisherId"]: row.data["period"] for row in session.scalars(select(JobStatus))}
    assert (first, again) == ({"promised": 3}, {"promised": 3})
    assert asked == {"here": "2026-01-01T08", "kolkata": "2026-01-01T13", "west": "2026-01-01T03"}
    assert find_queue("metrics-calculation").count() == 3
