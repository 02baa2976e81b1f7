"""Raw events become rollups: one statement a range, which changes nothing where nothing has changed (S3-2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, literal, or_, select, true

from app.broker.current import current_job
from app.clock import utc_now
from app.domains.publishers.accounts import find_publisher
from app.domains.publishers.aggregation.totals import bucket_rows, rollups, totals
from app.domains.publishers.buckets import Bucket, buckets
from app.ledger.effect import effect
from app.ledger.upsert import inserting
from app.models.publisher import Publisher
from app.models.rollup import Granularity

KEY = ("publisher_id", "granularity", "starts_at")
SUMS = ("requests", "impressions", "clicks", "revenue")


def aggregate_events(publisher_id: str, start_date: date, end_date: date, granularity: Granularity) -> dict[str, int]:
    """Bring the rollups of these days, in the publisher's zone, up to its events; returns how many rows changed.

    Called inside an actor: rollups and the job's end are one transaction. Raises PublisherNotFound.
    """
    with effect(current_job()) as ending:
        # Of two at once the second waits here, and then sees every event that the first has seen.
        publisher = find_publisher(ending.session, publisher_id, lock=True)
        of = buckets(granularity, start_date, end_date, publisher.timezone)
        changed = roll_up(ending.session.connection(), publisher, granularity, of, utc_now())
        ending.return_value = {"buckets": len(of), "changed": changed}
    return {"buckets": len(of), "changed": changed}


def roll_up(
    connection: Connection, publisher: Publisher, granularity: Granularity, of: Sequence[Bucket], now: datetime
) -> int:
    """How many rows are new or have changed."""
    upsert = rolled_up(connection, publisher, granularity, of, now)
    return connection.execute(upsert, execution_options={"preserve_rowcount": True}).rowcount


def rolled_up(
    connection: Connection, publisher: Publisher, granularity: Granularity, of: Sequence[Bucket], now: datetime
) -> Insert:
    """INSERT the buckets' sums; where a row stands, it becomes them, unless it is equal."""
    summed = totals(bucket_rows(connection, of), publisher.id).subquery("summed")
    given: Mapping[str, ColumnElement[Any]] = {
        "publisher_id": literal(publisher.id),
        "granularity": literal(granularity),
        "currency": literal(publisher.currency),
        "aggregated_at": literal(now, rollups.c.aggregated_at.type),
    }
    values = {key: given[key] if key in given else summed.c[key] for key in (column.key for column in rollups.c)}
    # "WHERE true": without it, SQLite takes ON CONFLICT for a join's condition.
    rows = inserting(connection, rollups).from_select(
        list(values), select(*values.values()).select_from(summed).where(true())
    )
    differs = or_(*(rollups.c[name] != rows.excluded[name] for name in (*SUMS, "ends_at", "currency")))
    changes = {name: rows.excluded[name] for name in values if name not in KEY}
    return rows.on_conflict_do_update(index_elements=KEY, set_=changes, where=differs)
