"""Rollups that are behind their events are a service that is down."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app import db
from app.domains.publishers.aggregation.aggregate import roll_up
from app.domains.publishers.buckets import buckets
from app.domains.publishers.ping import RollupsBehind, check_is_current
from app.models.publisher import Publisher
from tests.domains.publishers.conftest import NINE, add_publisher
from tests.domains.publishers.events import add, told

HOUR = timedelta(hours=1)


def aggregate(publisher: Publisher) -> None:
    """The day of the events."""
    with db.session() as session:
        of = buckets("hour", NINE.date(), NINE.date(), "UTC")
        roll_up(session.connection(), publisher, "hour", of, NINE)


def test_an_event_must_be_in_a_rollup_after_two_nights(database: Engine) -> None:
    """Not before; and once it is, all is well."""
    publisher = add_publisher()
    add(told("e-1", NINE))

    with db.reading() as session:
        check_is_current(session, NINE + 49 * HOUR)
        with pytest.raises(RollupsBehind, match="no rollup of pub-1 has its event of 2026-01-01 09:00"):
            check_is_current(session, NINE + 51 * HOUR)
    aggregate(publisher)
    with db.reading() as session:
        check_is_current(session, NINE + 51 * HOUR)


def test_a_rollup_of_another_hour_is_not_the_events(database: Engine) -> None:
    """The one before it has ended."""
    publisher = add_publisher()
    add(told("e-1", NINE))
    aggregate(publisher)
    add(told("e-2", NINE + 3 * HOUR))

    with db.reading() as session, pytest.raises(RollupsBehind, match="event of 2026-01-01 12:00"):
        check_is_current(session, NINE + 60 * HOUR)


def test_without_events_nothing_is_behind(database: Engine) -> None:
    """As on the first day."""
    with db.reading() as session:
        check_is_current(session, NINE)
