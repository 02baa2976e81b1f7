"""The analytics of document 003, as actors."""

from __future__ import annotations

from datetime import date

from app.domains.publishers.aggregation import aggregate
from app.jobs.actor import actor
from app.jobs.catalog import AGGREGATE_EVENTS
from app.models.rollup import Granularity


@actor(AGGREGATE_EVENTS)
def aggregate_events(
    *, publisher_id: str, start_date: date, end_date: date, granularity: Granularity
) -> dict[str, int]:
    """Bring a publisher's rollups up to its events."""
    return aggregate.aggregate_events(publisher_id, start_date, end_date, granularity)
