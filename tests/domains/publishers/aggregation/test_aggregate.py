"""Rollups are the sums of their events, worked out by hand; what is aggregated again is unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from dramatiq import Worker
from sqlalchemy import Engine, event, select

from app import db
from app.broker.queue import Queue
from app.domains.publishers.accounts import find_publisher
from app.domains.publishers.aggregation.aggregate import aggregate_events, roll_up
from app.domains.publishers.buckets import buckets
from app.jobs.actor import actor
from app.jobs.catalog import AGGREGATE_EVENTS
from app.jobs.engine import broker
from app.jobs.enqueue import enqueue
from app.jobs.payloads import AggregateEvents
from app.models.ad_event import AdEvent
from app.models.job_status import Status
from app.models.rollup import GRANULARITIES, Granularity, Rollup
from tests.domains.publishers.conftest import NINE, add_publisher
from tests.domains.publishers.events import add, told
from tests.jobs import conftest as jobs
from tests.ledger.rows import all_rows, only_row
from tests.servers import wait_for

queue = jobs.queue


def aggregate(granularity: Granularity, first: date, last: date, at: datetime = NINE, key: str = "pub-1") -> int:
    """How many rows changed."""
    with db.session() as session:
        publisher = find_publisher(session, key)
        of = buckets(granularity, first, last, publisher.timezone)
        return roll_up(session.connection(), publisher, granularity, of, at)


def rollups(granularity: Granularity) -> list[Rollup]:
    """All of that kind, the oldest first."""
    with db.reading() as session:
        kept = select(Rollup).where(Rollup.granularity == granularity).order_by(Rollup.publisher_id, Rollup.starts_at)
        return list(session.scalars(kept))


def test_an_hour_is_the_sum_of_its_events_and_its_ratios_follow(database: Engine) -> None:
    """1,200 shown of 1,600 asked for: three quarters; 30 clicks: 2.5 %; 3.60 for 1,200 is 3.00 for a thousand."""
    add_publisher()
    add_publisher("pub-2")
    add(
        told("at-nine", datetime(2026, 1, 1, 9, tzinfo=UTC), requests=1_000, impressions=800, clicks=20, revenue="2.4"),
        told(
            "last-moment",
            datetime(2026, 1, 1, 9, 59, 59, 999_999, UTC),
            requests=600,
            impressions=400,
            clicks=10,
            revenue="1.2",
        ),
        told("at-ten", datetime(2026, 1, 1, 10, tzinfo=UTC), requests=7, impressions=0, clicks=0, revenue="0"),
        told("another's", datetime(2026, 1, 1, 9, 30, tzinfo=UTC), requests=5_000, publisher_id="pub-2"),
    )

    changed = aggregate("hour", date(2026, 1, 1), date(2026, 1, 1))

    nine, ten = rollups("hour")
    assert changed == 2
    assert (nine.starts_at, nine.ends_at) == (NINE, datetime(2026, 1, 1, 10, tzinfo=UTC))
    assert (nine.requests, nine.impressions, nine.clicks, nine.revenue) == (1_600, 1_200, 30, Decimal("3.6"))
    assert (nine.fill_rate, nine.ctr, nine.ecpm) == (Decimal("0.75"), Decimal("0.025"), Decimal(3))
    assert (ten.fill_rate, ten.ctr, ten.ecpm) == (Decimal(0), None, None)


def test_days_weeks_and_months_begin_where_the_publisher_is(database: Engine) -> None:
    """In New York Sunday 8 March 2026 has 23 hours, from 05:00 UTC to 04:00 UTC, and ends its week."""
    add_publisher(timezone="America/New_York")
    add(
        told("saturday", datetime(2026, 3, 8, 4, 59, tzinfo=UTC), requests=1, revenue="0.01"),
        told("sunday", datetime(2026, 3, 8, 5, 0, tzinfo=UTC), requests=2, revenue="0.02"),
        told("sunday-late", datetime(2026, 3, 9, 3, 59, tzinfo=UTC), requests=4, revenue="0.04"),
        told("monday", datetime(2026, 3, 9, 4, 0, tzinfo=UTC), requests=8, revenue="0.08"),
        told("april", datetime(2026, 4, 1, 4, 0, tzinfo=UTC), requests=16, revenue="0.16"),
    )

    for granularity in ("day", "week", "month"):
        aggregate(granularity, date(2026, 3, 7), date(2026, 4, 1))

    assert [(row.starts_at.isoformat()[:13], row.requests) for row in rollups("day")] == [
        ("2026-03-07T05", 1),
        ("2026-03-08T05", 6),
        ("2026-03-09T04", 8),
        ("2026-04-01T04", 16),
    ]
    assert [(row.starts_at.isoformat()[:13], row.requests) for row in rollups("week")] == [
        ("2026-03-02T05", 7),
        ("2026-03-09T04", 8),
        ("2026-03-30T04", 16),
    ]
    assert [(row.starts_at.isoformat()[:13], row.revenue) for row in rollups("month")] == [
        ("2026-03-01T05", Decimal("0.15")),
        ("2026-04-01T04", Decimal("0.16")),
    ]


def test_a_range_that_is_aggregated_again_changes_nothing_but_what_has_new_events(database: Engine) -> None:
    """``aggregated_at`` stays, too: it says when the row last changed."""
    add_publisher()
    add(*(told(f"e-{hour}", datetime(2026, 1, 1, hour, 30, tzinfo=UTC)) for hour in range(24)))
    day, later = date(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC)

    first, again = aggregate("hour", day, day), aggregate("hour", day, day, later)
    add(told("late", datetime(2026, 1, 1, 7, 45, tzinfo=UTC)))
    after_one = aggregate("hour", day, day, later)

    assert (first, again, after_one) == (24, 0, 1)
    assert [row.starts_at.hour for row in rollups("hour") if row.aggregated_at == later] == [7]


def test_a_range_is_one_statement_that_reads_events_and_its_sums_are_pythons(database: Engine) -> None:
    """A thousand events of ninety days, added up apart; every one is in exactly one bucket of each kind."""
    add_publisher(timezone="Europe/Madrid")
    chance = Random(3)
    first, last = date(2026, 1, 1), date(2026, 3, 31)
    start, end = buckets("month", first, last, "Europe/Madrid")[0].starts_at, datetime(2026, 3, 31, 22, tzinfo=UTC)
    events = [
        told(
            f"e-{number}",
            start + (end - start) * chance.random(),
            requests=chance.randrange(1_000),
            impressions=chance.randrange(1_000),
            clicks=chance.randrange(1_000),
            revenue=f"{chance.randrange(10**7)}e-6",
        )
        for number in range(1_000)
    ]
    add(*events)

    with statements(database, "ad_events") as said:
        for granularity in GRANULARITIES:
            aggregate(granularity, first, last)

    assert len(said) == 4
    for granularity in GRANULARITIES:
        kept = rollups(granularity)
        for row in kept:
            inside = [one for one in events if row.starts_at <= one.occurred_at < row.ends_at]
            assert summed(row) == summed(*inside)
        assert summed(*kept) == summed(*events)


def summed(*of: Rollup | AdEvent) -> tuple[int, int, int, Decimal]:
    """The four sums."""
    return (
        sum(one.requests for one in of),
        sum(one.impressions for one in of),
        sum(one.clicks for one in of),
        sum((one.revenue for one in of), Decimal(0)),
    )


@contextmanager
def statements(engine: Engine, table: str) -> Iterator[list[str]]:
    """Those within the block that name the table."""
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if table in statement:
            said.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", listen)


@pytest.fixture
def aggregating(queue: Queue) -> Iterator[None]:
    """A worker on the queue."""
    actor(AGGREGATE_EVENTS)(aggregate_events)
    worker = Worker(broker(), queues={"analytics-aggregation"}, worker_threads=3, worker_timeout=50)
    worker.start()
    yield
    worker.stop()


def test_a_job_says_how_much_has_changed_and_ends_with_its_rollups(aggregating: None) -> None:
    """Jobs of one publisher at the same time leave what one would."""
    add_publisher()
    add(told("e-1", NINE), told("e-2", datetime(2026, 1, 2, 9, tzinfo=UTC)))
    asked = AggregateEvents(
        publisher_id="pub-1", start_date=date(2026, 1, 1), end_date=date(2026, 1, 2), granularity="day"
    )

    for _ in range(3):
        enqueue(AGGREGATE_EVENTS, asked)
    wait_for(lambda: all(row.ended_at for row in all_rows()), "the jobs to end")

    assert sorted(row.return_value["changed"] for row in all_rows()) == [0, 0, 2]
    assert [row.impressions for row in rollups("day")] == [1, 1]


def test_a_job_of_no_publisher_fails_at_once_and_says_so(aggregating: None) -> None:
    """No second attempt would find one."""
    asked = AggregateEvents(
        publisher_id="nobody", start_date=date(2026, 1, 1), end_date=date(2026, 1, 1), granularity="day"
    )

    enqueue(AGGREGATE_EVENTS, asked)
    wait_for(lambda: only_row().ended_at, "the job to end")

    assert (only_row().status, only_row().attempts_made) == (Status.FAILED, 1)
    assert only_row().error == "no publisher 'nobody'"
