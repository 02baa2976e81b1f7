"""A publisher's events added up by bucket: one walk along the index of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

from sqlalchemy import Connection, FromClause, Select, Table, func, select

from app.domains.publishers.buckets import Bucket
from app.ledger.batch import batch
from app.models.ad_event import AdEvent
from app.models.rollup import Rollup

rollups = cast("Table", Rollup.__table__)


def bucket_rows(connection: Connection, of: Sequence[Bucket]) -> FromClause:
    """The buckets as a table: where hours and months begin is known to Python alone, not to every database."""
    return batch(connection, [rollups.c.starts_at, rollups.c.ends_at], map(asdict, of))


def totals(bucket: FromClause, publisher_id: str) -> Select[Any]:
    """``starts_at``, ``ends_at``, ``requests``, ``impressions``, ``clicks``, ``revenue`` of each bucket with events."""
    falls_in = (AdEvent.occurred_at >= bucket.c.starts_at) & (AdEvent.occurred_at < bucket.c.ends_at)
    counted = (AdEvent.requests, AdEvent.impressions, AdEvent.clicks, AdEvent.revenue)
    return (
        select(bucket.c.starts_at, bucket.c.ends_at, *(func.sum(column).label(column.key) for column in counted))
        .select_from(bucket)
        .join(AdEvent, falls_in)
        .where(AdEvent.publisher_id == publisher_id)
        .group_by(bucket.c.starts_at, bucket.c.ends_at)
        .order_by(bucket.c.starts_at)
    )
