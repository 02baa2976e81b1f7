"""The sums of a publisher's events in some buckets: all that a formula may ask for, by one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import case, func, or_
from sqlalchemy.orm import Session

from app.domains.publishers.aggregation.totals import bucket_rows, totals
from app.domains.publishers.buckets import Bucket
from app.domains.publishers.metrics.formulas import Sums
from app.models.ad_event import AdEvent
from app.models.publisher import Publisher

#: What comes later than this after it happened may have been missed by figures that were looked at meanwhile.
LATE_S = 3_600


def sums_of(session: Session, publisher: Publisher, of: Sequence[Bucket]) -> Mapping[Bucket, Sums]:
    """Of each; all zero for one without events."""
    late = AdEvent.delay_s > LATE_S
    impossible = or_(AdEvent.impressions > AdEvent.requests, AdEvent.clicks > AdEvent.impressions)
    counted = totals(bucket_rows(session.connection(), of), publisher.id).add_columns(
        func.count().label("events"),
        func.sum(case((late, 1), else_=0)).label("late"),
        func.sum(case((impossible, 1), else_=0)).label("impossible"),
        func.sum(AdEvent.delay_s).label("delay_s"),
    )
    found: defaultdict[Bucket, Sums] = defaultdict(Sums)
    for starts_at, ends_at, requests, impressions, clicks, revenue, *rest in session.execute(counted):
        sums = Sums(int(requests), int(impressions), int(clicks), revenue, *map(int, rest))
        found[Bucket(starts_at, ends_at)] = sums
    return found
