"""Events of publishers, as tests tell them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from app import db
from app.models.ad_event import AdEvent


def told(
    event_id: str,
    occurred_at: datetime,
    *,
    requests: int = 1,
    impressions: int = 1,
    clicks: int = 0,
    revenue: str = "0.001",
    publisher_id: str = "pub-1",
    received_at: datetime | None = None,
) -> AdEvent:
    """One of pub-1, in US dollars, told the moment it happened."""
    received_at = received_at or occurred_at
    return AdEvent(
        publisher_id=publisher_id,
        event_id=event_id,
        occurred_at=occurred_at,
        received_at=received_at,
        delay_s=int((received_at - occurred_at).total_seconds()),
        requests=requests,
        impressions=impressions,
        clicks=clicks,
        revenue=Decimal(revenue),
        currency="USD",
    )


def add(*rows: object) -> None:
    """Write them."""
    with db.session() as session:
        session.add_all(rows)
