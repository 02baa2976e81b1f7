"""A publisher's metrics of one period, from its events as they are now (S3-5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.broker.current import current_job
from app.broker.errors import Unrecoverable
from app.clock import utc_now
from app.domains.publishers.accounts import find_publisher
from app.domains.publishers.buckets import Bucket, bucket_before, buckets
from app.domains.publishers.metrics.formulas import FORMULAS, shown
from app.domains.publishers.metrics.sums import sums_of
from app.jobs.periods import read_period
from app.ledger.effect import effect
from app.models.publisher import Publisher
from app.models.publisher_metric import MetricType, PublisherMetric
from app.models.rollup import Granularity


class NoSuchPeriod(Unrecoverable):
    """A clock that was set forward has skipped that hour there."""

    def __init__(self, period: str, zone: str) -> None:
        super().__init__(f"period {period!r}: {zone} has no such hour, its clocks were set forward")


@dataclass(frozen=True, slots=True)
class Metrics:
    """``figures`` as JSON has them: amounts and ratios are texts, null where there is nothing to divide by."""

    granularity: Granularity
    bucket: Bucket
    figures: dict[str, Any]


def calculate_metrics(publisher_id: str, metric_type: MetricType, period: str) -> dict[str, Any]:
    """Keep the metrics of a period, in the place of what stood there. Called inside an actor.

    Raises PublisherNotFound and NoSuchPeriod, which no later attempt could mend.
    """
    with effect(current_job()) as ending:
        publisher = find_publisher(ending.session, publisher_id, lock=True)
        found = metrics_of(ending.session, publisher, metric_type, period)
        ending.session.merge(
            PublisherMetric(
                publisher_id=publisher_id,
                metric_type=metric_type,
                granularity=found.granularity,
                starts_at=found.bucket.starts_at,
                ends_at=found.bucket.ends_at,
                period=period,
                figures=found.figures,
                calculated_at=utc_now(),
            )
        )
        ending.return_value = found.figures
    return found.figures


def metrics_of(session: Session, publisher: Publisher, metric_type: MetricType, period: str) -> Metrics:
    """By the publisher's clock. Raises NoSuchPeriod."""
    granularity, bucket = period_there(period, publisher.timezone)
    before = bucket_before(granularity, bucket, publisher.timezone)
    sums = sums_of(session, publisher, [bucket, before])
    figures = FORMULAS[metric_type](sums[bucket], sums[before])
    said: dict[str, Any] = {name: shown(figure) for name, figure in figures.items()}
    return Metrics(granularity, bucket, {**said, "currency": publisher.currency} if "revenue" in said else said)


def period_there(period: str, zone: str) -> tuple[Granularity, Bucket]:
    """The period's kind, and its moments. Raises NoSuchPeriod."""
    granularity, wall = read_period(period)
    of_day = buckets(granularity, wall.date(), wall.date(), zone)
    if granularity != "hour":
        return granularity, of_day[0]
    found = next((one for one in of_day if one.wall(zone).hour == wall.hour), None)
    if found is None:
        raise NoSuchPeriod(period, zone)
    return granularity, found
