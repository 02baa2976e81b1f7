"""What has happened on a publisher's pages, as it was told: the raw data of all figures (document 003)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.micros import Micros
from app.models.publisher import PUBLISHER_ID_LENGTH

EVENT_ID_LENGTH = 64


class AdEvent(Base):
    """One event under the caller's own id: an ad was asked for, shown, clicked; perhaps several at once. Never changed.

    Without a foreign key: publishers are never removed, and each of millions of rows would lock its publisher's.
    """

    __tablename__ = "ad_events"
    __table_args__ = (Index("ix_ad_events_publisher_id_occurred_at", "publisher_id", "occurred_at"),)

    publisher_id: Mapped[str] = mapped_column(String(PUBLISHER_ID_LENGTH), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(EVENT_ID_LENGTH), primary_key=True)
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(index=True)
    delay_s: Mapped[int]  # from one to the other
    requests: Mapped[int]
    impressions: Mapped[int]
    clicks: Mapped[int]
    revenue: Mapped[Decimal] = mapped_column(Micros)
    currency: Mapped[str] = mapped_column(String(3))
