"""What an export holds: its columns, and its rows as they come from the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.domains.publishers.buckets import buckets
from app.jobs.payloads import ExportFilters
from app.models.ad_event import AdEvent
from app.models.publisher import Publisher
from app.models.rollup import Rollup, ratio

Cell = str | int | Decimal | datetime | None

#: Rows that are held at once: the database keeps the rest.
AT_ONCE = 1_000

ROLLUPS = ("startsAt", "endsAt", "requests", "impressions", "clicks", "revenue", "currency", "ctr", "fillRate", "ecpm")
EVENTS = ("eventId", "occurredAt", "requests", "impressions", "clicks", "revenue", "currency")


@dataclass(frozen=True, slots=True)
class Rows:
    """Times are in the publisher's zone, with their offset; amounts exact."""

    columns: Sequence[str]
    statement: Select[*tuple[Any, ...]]
    zone: ZoneInfo

    def count(self, session: Session) -> int:
        """How many there are now."""
        counted = self.statement.order_by(None).with_only_columns(func.count(), maintain_column_froms=True)
        return session.scalar(counted) or 0

    def read(self, session: Session) -> Iterator[list[Cell]]:
        """One after the other, through a cursor of the server's."""
        for row in session.execute(self.statement, execution_options={"yield_per": AT_ONCE}):
            cells: list[Cell] = [cell.astimezone(self.zone) if isinstance(cell, datetime) else cell for cell in row]
            yield [*cells, *_ratios(row)] if self.columns is ROLLUPS else cells


def rows_of(publisher: Publisher, first: date, last: date, filters: ExportFilters) -> Rows:
    """Those of the days from ``first`` to ``last`` that the filters let through, the oldest first.

    A week or a month belongs to the range if one of its days does.
    """
    zone = publisher.timezone
    kind = filters.granularity if filters.source == "rollups" else "day"
    since, until = buckets(kind, first, first, zone)[0].starts_at, buckets("day", last, last, zone)[-1].ends_at
    of = rollups(publisher.id, filters) if filters.source == "rollups" else events(publisher.id)
    table, at = (Rollup, Rollup.starts_at) if filters.source == "rollups" else (AdEvent, AdEvent.occurred_at)
    enough = (table.impressions >= filters.min_impressions, table.clicks >= filters.min_clicks)
    columns = ROLLUPS if filters.source == "rollups" else EVENTS
    return Rows(columns, of.where(at >= since, at < until, *enough), ZoneInfo(zone))


def rollups(publisher_id: str, filters: ExportFilters) -> Select[*tuple[Any, ...]]:
    """The sums of one granularity; the ratios follow from them."""
    sums = (Rollup.requests, Rollup.impressions, Rollup.clicks, Rollup.revenue, Rollup.currency)
    of_publisher = (Rollup.publisher_id == publisher_id, Rollup.granularity == filters.granularity)
    return select(Rollup.starts_at, Rollup.ends_at, *sums).where(*of_publisher).order_by(Rollup.starts_at)


def events(publisher_id: str) -> Select[*tuple[Any, ...]]:
    """The events as they were told."""
    counts = (AdEvent.requests, AdEvent.impressions, AdEvent.clicks, AdEvent.revenue, AdEvent.currency)
    told = select(AdEvent.event_id, AdEvent.occurred_at, *counts).where(AdEvent.publisher_id == publisher_id)
    return told.order_by(AdEvent.occurred_at, AdEvent.event_id)


def _ratios(row: Any) -> list[Decimal | None]:
    return [
        ratio(row.clicks, row.impressions),
        ratio(row.impressions, row.requests),
        ratio(row.revenue, row.impressions, 1_000),
    ]
