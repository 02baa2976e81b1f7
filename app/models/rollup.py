"""A publisher's events of an hour, a day, a week or a month, added up, and what follows from the sums (S3-2)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, get_args

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.micros import Micros

Granularity = Literal["hour", "day", "week", "month"]
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)


def ratio(part: Decimal | int, whole: Decimal | int, scale: int = 1) -> Decimal | None:
    """``scale × part ÷ whole``, rounded to six places, half to even; None when there is nothing to divide by."""
    return None if not whole else round(Decimal(part) * scale / Decimal(whole), 6)


class Rollup(Base):
    """The events in ``[starts_at, ends_at)``, which is a local hour, day, week (from Monday) or month of the publisher.

    There is a row only for what has events. Sums are added, ratios are not: those of several rows follow from the sums.
    """

    __tablename__ = "rollups"

    publisher_id: Mapped[str] = mapped_column(ForeignKey("publishers.id", ondelete="CASCADE"), primary_key=True)
    granularity: Mapped[Granularity] = mapped_column(String(8), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime]
    requests: Mapped[int] = mapped_column(BigInteger)  # ads that were asked for
    impressions: Mapped[int] = mapped_column(BigInteger)
    clicks: Mapped[int] = mapped_column(BigInteger)
    revenue: Mapped[Decimal] = mapped_column(Micros)
    currency: Mapped[str] = mapped_column(String(3))
    aggregated_at: Mapped[datetime]  # when it last changed

    @property
    def ctr(self) -> Decimal | None:
        """Click-through rate: clicks ÷ impressions."""
        return ratio(self.clicks, self.impressions)

    @property
    def fill_rate(self) -> Decimal | None:
        """Impressions ÷ requests: how much of the space that was offered has shown an ad."""
        return ratio(self.impressions, self.requests)

    @property
    def ecpm(self) -> Decimal | None:
        """Revenue for a thousand impressions, in the row's currency: 1000 × revenue ÷ impressions."""
        return ratio(self.revenue, self.impressions, 1_000)
