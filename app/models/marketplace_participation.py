"""Where a seller may sell, as Amazon says."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class MarketplaceParticipation(Base):
    """One marketplace of one account. Those that Amazon no longer names are gone."""

    __tablename__ = "marketplace_participations"

    account_id: Mapped[str] = mapped_column(ForeignKey("seller_accounts.id", ondelete="CASCADE"), primary_key=True)
    marketplace_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    country: Mapped[str] = mapped_column(String(2))
    name: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(String(3))
    is_participating: Mapped[bool]
    has_suspended_listings: Mapped[bool]
    seen_at: Mapped[datetime]
