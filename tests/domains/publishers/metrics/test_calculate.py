"""Metrics whose values were worked out by hand, in periods of the publisher's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dramatiq import Worker
from sqlalchemy import Engine, select

from app import db
from app.broker.queue import Queue
from app.domains.publishers.accounts import find_publisher
from app.domains.publishers.buckets import Bucket
from app.domains.publishers.metrics.calculate import NoSuchPeriod, calculate_metrics, metrics_of, period_there
from app.jobs.actor import actor
from app.jobs.by_hand import job_by_hand
from app.jobs.catalog import CALCULATE_METRICS
from app.jobs.engine import broker
from app.jobs.enqueue import enqueue_with
from app.jobs.periods import read_period
from app.models.job_status import Status
from app.models.publisher_metric import MetricType, PublisherMetric
from tests.domains.publishers.conftest import NINE, add_publisher
from tests.domains.publishers.events import add, told
from tests.jobs import conftest as jobs
from tests.ledger.rows import all_rows
from tests.servers import wait_for

queue = jobs.queue
HOUR = timedelta(hours=1)


def figures(metric_type: MetricType, period: str, publisher_id: str = "pub-1") -> dict[str, Any]:
    """As they are calculated now."""
    with db.reading() as session:
        return metrics_of(session, find_publisher(session, publisher_id), metric_type, period).figures


@pytest.fixture
def two_hours(database: Engine) -> None:
    """From eight to nine 400 were shown; from nine to ten 600, of 800 asked for, with 12 clicks, for 1.50."""
    add_publisher()
    add(
        told("at-eight", NINE - HOUR, requests=500, impressions=400, clicks=16, revenue="2"),
        told("at-nine", NINE, requests=300, impressions=200, clicks=4, revenue="0.5"),
        told("before-ten", NINE + HOUR - timedelta(seconds=1), requests=500, impressions=400, clicks=8, revenue="1"),
        told("at-ten", NINE + HOUR, requests=9, impressions=9, clicks=9, revenue="9"),
    )


def test_performance_is_what_was_shown_and_clicked(two_hours: None) -> None:
    """600 after 400 is half as much again; 12 clicks after 16 a quarter less."""
    assert figures("performance", "2026-01-01T09") == {
        "requests": 800,
        "impressions": 600,
        "clicks": 12,
        "fillRate": "0.75",
        "ctr": "0.02",
        "impressionsChange": "0.5",
        "clicksChange": "-0.25",
    }


def test_revenue_is_exact_and_has_its_currency(two_hours: None) -> None:
    """1.50 for 600 shown, 800 asked for, 12 clicks; it was 2.00."""
    assert figures("revenue", "2026-01-01T09") == {
        "revenue": "1.5",
        "currency": "USD",
        "ecpm": "2.5",
        "perThousandRequests": "1.875",
        "perClick": "0.125",
        "revenueChange": "-0.25",
    }


def test_quality_counts_what_came_late_and_what_cannot_be(database: Engine) -> None:
    """Of four events one came two hours late, one has more clicks than were shown, one more shown than asked for."""
    add_publisher()
    add(
        told("good", NINE),
        told("late", NINE, received_at=NINE + 2 * HOUR),
        told("clicked", NINE, requests=2, impressions=1, clicks=2),
        told("shown", NINE, requests=1, impressions=2),
    )

    assert figures("quality", "2026-01-01") == {
        "events": 4,
        "lateShare": "0.25",
        "impossibleShare": "0.5",
        "meanDelaySeconds": "1800",
        "eventsChange": None,
    }


def test_without_events_nothing_is_divided(database: Engine) -> None:
    """Counts are 0, ratios null."""
    add_publisher(currency="EUR")

    assert figures("performance", "2026-W01") == {
        **dict.fromkeys(("requests", "impressions", "clicks"), 0),
        **dict.fromkeys(("fillRate", "ctr", "impressionsChange", "clicksChange")),
    }
    assert figures("revenue", "2026-01") == {
        "revenue": "0",
        "currency": "EUR",
        **dict.fromkeys(("ecpm", "perThousandRequests", "perClick", "revenueChange")),
    }


@pytest.mark.parametrize(
    ("period", "zone", "starts_at", "ends_at"),
    [
        ("2026-01-01T09", "UTC", NINE, NINE + HOUR),
        (
            "2026-01-01T09",
            "Asia/Kolkata",
            datetime(2026, 1, 1, 3, 30, tzinfo=UTC),
            datetime(2026, 1, 1, 4, 30, tzinfo=UTC),
        ),
        ("2026-03-08", "America/New_York", datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC)),
        ("2026-W01", "UTC", datetime(2025, 12, 29, tzinfo=UTC), datetime(2026, 1, 5, tzinfo=UTC)),
        ("2026-02", "Europe/Madrid", datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 2, 28, 23, tzinfo=UTC)),
        (
            "2026-11-01T01",
            "America/New_York",
            datetime(2026, 11, 1, 5, tzinfo=UTC),
            datetime(2026, 11, 1, 7, tzinfo=UTC),
        ),
    ],
)
def test_a_period_is_the_publishers_own(period: str, zone: str, starts_at: datetime, ends_at: datetime) -> None:
    """An hour that comes twice is two hours long."""
    assert period_there(period, zone)[1] == Bucket(starts_at, ends_at)


def test_an_hour_that_was_skipped_is_none() -> None:
    """In New York on 8 March 2026 two o'clock is three o'clock."""
    with pytest.raises(NoSuchPeriod, match="has no such hour"):
        period_there("2026-03-08T02", "America/New_York")


@pytest.mark.parametrize(
    "said", ["", "today", "2026", "2026-13", "2026-02-30", "2026-W54", "2026-01-01T24", "2026-1-1"]
)
def test_what_is_no_period_says_what_would_be(said: str) -> None:
    """All four forms."""
    with pytest.raises(
        ValueError, match="give an hour '2026-01-31T09', a day '2026-01-31', a week '2026-W05' or a month"
    ):
        read_period(said)


@pytest.fixture
def calculating(queue: Queue) -> Iterator[None]:
    """A worker on the queue."""
    actor(CALCULATE_METRICS)(calculate_metrics)
    worker = Worker(broker(), queues={"metrics-calculation"}, worker_threads=5, worker_timeout=50)
    worker.start()
    yield
    worker.stop()


def ask(*periods: str, publisher_id: str = "pub-1") -> None:
    """By hand, under a name of the caller's own."""
    data = {"publisherId": publisher_id, "metricType": "performance"}
    with db.session() as session:
        enqueue_with(
            session, [job_by_hand("metrics-calculation", "recalculate", {**data, "period": p}) for p in periods]
        )
    wait_for(lambda: all(row.ended_at for row in all_rows()), "the jobs to end")


def test_a_recalculation_replaces_what_was_calculated(two_hours: None, calculating: None) -> None:
    """Of the same hour twice at once, and again after a late event."""
    ask("2026-01-01T09", "2026-01-01T09", "2026-01-01")
    add(told("late", NINE, impressions=400))
    ask("2026-01-01T09")

    with db.reading() as session:
        kept = {row.period: row for row in session.scalars(select(PublisherMetric))}
    assert {period: (row.granularity, row.figures["impressions"]) for period, row in kept.items()} == {
        "2026-01-01T09": ("hour", 1_000),
        "2026-01-01": ("day", 1_009),
    }
    assert (kept["2026-01-01T09"].starts_at, kept["2026-01-01T09"].ends_at) == (NINE, NINE + HOUR)


def test_a_period_or_publisher_that_is_not_fails_at_once(database: Engine, calculating: None) -> None:
    """With the reason, and no second attempt."""
    add_publisher(timezone="America/New_York")

    ask("2026-03-08T02")
    ask("2026-03-08", publisher_id="nobody")

    assert [(row.status, row.attempts_made) for row in all_rows()] == [(Status.FAILED, 1)] * 2
    assert [row.error for row in all_rows()] == [
        "period '2026-03-08T02': America/New_York has no such hour, its clocks were set forward",
        "no publisher 'nobody'",
    ]
