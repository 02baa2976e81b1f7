"""Every hour, the performance of the hour before is calculated for each publisher (S3-5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.domains.publishers.buckets import bucket_at, bucket_before
from app.domains.publishers.every import for_every_publisher
from app.domains.publishers.priority import place
from app.jobs.catalog import CALCULATE_METRICS
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import CalculateMetrics
from app.models.publisher import Publisher


def promise_hourly_metrics(slot: datetime) -> int:
    """A job for the last whole hour of each publisher's clock; returns how many. The same slot promises them once."""

    def promise(session: Session, publishers: Sequence[Publisher]) -> int:
        jobs = [
            new_job(CALCULATE_METRICS, _asked(one, slot), job_id=key, promise_key=key, priority=place(one))
            for one in publishers
            for key in [f"metrics-performance-{slot:%Y%m%d%H}-{one.id}"]
        ]
        enqueue_with(session, jobs)
        return len(jobs)

    return for_every_publisher(promise)


def _asked(publisher: Publisher, slot: datetime) -> CalculateMetrics:
    zone = publisher.timezone
    before = bucket_before("hour", bucket_at("hour", slot, zone), zone)
    return CalculateMetrics(
        publisher_id=publisher.id, metric_type="performance", period=f"{before.wall(zone):%Y-%m-%dT%H}"
    )
