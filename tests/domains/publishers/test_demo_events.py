"""Events for machines without publishers' pages: counted by SQL of the test's own."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, text

from app import db
from app.domains.publishers.demo_events import EVENTS, add_demo_events
from tests.crontab.jobs.running import run_job
from tests.domains.publishers.conftest import NINE, add_publisher

QUARTER = timedelta(minutes=15)
COUNTED = """
SELECT publisher_id, count(*), min(occurred_at) > :first, max(occurred_at) <= :last,
       min(requests - impressions) >= 0, min(impressions - clicks) >= 0, min(revenue) > 0, min(currency), max(currency)
FROM ad_events GROUP BY publisher_id ORDER BY publisher_id
"""


def test_a_slot_adds_its_events_once(database: Engine) -> None:
    """A second attempt, and a second worker, find them there; the next slot adds its own."""
    add_publisher("pub-1")
    add_publisher("pub-2", currency="EUR", timezone="Asia/Kolkata")

    once = run_job("testDataGenerator", NINE)
    again = run_job("testDataGenerator", NINE)
    with db.reading() as session:
        span = {"first": NINE - QUARTER, "last": NINE}
        found = [tuple(row) for row in session.execute(text(COUNTED), span)]
    next_slot = add_demo_events(NINE + QUARTER, NINE + QUARTER)

    assert (once, again, next_slot) == ({"added": 2 * EVENTS}, {"added": 0}, 2 * EVENTS)
    assert found == [
        ("pub-1", EVENTS, True, True, True, True, True, "USD", "USD"),
        ("pub-2", EVENTS, True, True, True, True, True, "EUR", "EUR"),
    ]
