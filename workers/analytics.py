"""The analytics of document 003, as actors."""

from __future__ import annotations

from datetime import date
from typing import Any

from app.domains.publishers.aggregation import aggregate
from app.domains.publishers.metrics import calculate
from app.jobs.actor import actor
from app.jobs.catalog import AGGREGATE_EVENTS, CALCULATE_METRICS
from app.models.publisher_metric import MetricType
from app.models.rollup import Granularity


@actor(AGGREGATE_EVENTS)
def aggregate_events(
    *, publisher_id: str, start_date: date, end_date: date, granularity: Granularity
) -> dict[str, int]:
    """Bring a publisher's rollups up to its events."""
    return aggregate.aggregate_events(publisher_id, start_date, end_date, granularity)


@actor(CALCULATE_METRICS)
def calculate_metrics(*, publisher_id: str, metric_type: MetricType, period: str) -> dict[str, Any]:
    """Keep a publisher's metrics of one period."""
    return calculate.calculate_metrics(publisher_id, metric_type, period)
