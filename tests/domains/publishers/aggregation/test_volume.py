"""Ten million events on PostgreSQL: each range one statement, its sums those of SQL written apart."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine, text

from app import db
from app.domains.publishers.accounts import find_publisher
from app.domains.publishers.aggregation.aggregate import roll_up
from app.domains.publishers.buckets import buckets
from app.models.rollup import GRANULARITIES
from tests.domains.publishers.conftest import add_publisher

EVENTS = 10_000_000
#: Ten publishers, ninety days from 1 January 2026.
FILL = """
INSERT INTO ad_events (
    publisher_id, event_id, occurred_at, received_at, delay_s, requests, impressions, clicks, revenue, currency
)
SELECT 'pub-' || n % 10, 'e-' || n, at, at, 0, n % 7 + 3, n % 7, n % 3 % 2, n % 1000, 'USD' FROM (
    SELECT n, timestamp '2026-01-01' + n * interval '90 days' / :events AS at FROM generate_series(0, :events - 1) n
) told
"""
APART = """
SELECT date_trunc(:granularity, occurred_at), sum(requests), sum(impressions), sum(clicks), sum(revenue)
FROM ad_events WHERE publisher_id = 'pub-3' GROUP BY 1 ORDER BY 1
"""
KEPT = """
SELECT starts_at, requests, impressions, clicks, revenue FROM rollups
WHERE publisher_id = 'pub-3' AND granularity = :granularity ORDER BY 1
"""


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_ten_million_events_are_aggregated_by_one_statement_a_range(database: Engine) -> None:
    """A million events of one publisher in ninety days; prints the seconds of each granularity."""
    for number in range(10):
        add_publisher(f"pub-{number}")
    with database.begin() as connection:
        connection.execute(text(FILL), {"events": EVENTS})
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE ad_events"))

    for granularity in GRANULARITIES:
        began = time.perf_counter()
        with db.session() as session:
            publisher = find_publisher(session, "pub-3")
            of = buckets(granularity, date(2026, 1, 1), date(2026, 3, 31), publisher.timezone)
            changed = roll_up(session.connection(), publisher, granularity, of, datetime(2026, 4, 1, tzinfo=UTC))
        print(f"{granularity}: {changed} rollups of {EVENTS // 10:,} events in {time.perf_counter() - began:.2f} s")  # noqa: T201 - the run's figures

    with database.connect() as connection:
        for granularity in GRANULARITIES:
            asked = {"granularity": granularity}
            assert connection.execute(text(KEPT), asked).all() == connection.execute(text(APART), asked).all()
