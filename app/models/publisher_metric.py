"""What was calculated of a publisher's period: performance, revenue or quality (S3-5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.json_text import JsonText
from app.models.rollup import Granularity

MetricType = Literal["performance", "revenue", "quality"]


class PublisherMetric(Base):
    """The figures of one period; a later calculation replaces them. Decimals are texts, as in every answer."""

    __tablename__ = "publisher_metrics"

    publisher_id: Mapped[str] = mapped_column(ForeignKey("publishers.id", ondelete="CASCADE"), primary_key=True)
    metric_type: Mapped[MetricType] = mapped_column(String(16), primary_key=True)
    granularity: Mapped[Granularity] = mapped_column(String(8), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime]
    period: Mapped[str] = mapped_column(String(16))  # as it was asked for: 2026-01-01T09, 2026-01-01, 2026-W01, 2026-01
    figures: Mapped[Any] = mapped_column(JsonText)
    calculated_at: Mapped[datetime]
