"""A user's account in one Amazon marketplace, with the key to its data."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.user import ID_LENGTH, new_id

AccountState = Literal["active", "needs_reauthorisation"]


class SellerAccount(Base):
    """One seller in one country. ``refresh_token`` is sealed (``app.secrets``) and never leaves the process open.

    ``last_*_update`` move only on success (CONTRACTS C32).
    """

    __tablename__ = "seller_accounts"
    __table_args__ = (UniqueConstraint("user_id", "country", "region"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    country: Mapped[str] = mapped_column(String(2))  # ISO 3166: "US", "GB"
    region: Mapped[str] = mapped_column(String(2))  # "NA", "EU", "FE"
    seller_id: Mapped[str] = mapped_column(String(64), default="")
    marketplace_id: Mapped[str] = mapped_column(String(32), default="")
    ads_profile_id: Mapped[str] = mapped_column(String(32), default="")  # "" has no advertising
    refresh_token: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[AccountState] = mapped_column(default="active")
    state_reason: Mapped[str] = mapped_column(Text, default="")
    last_daily_update: Mapped[datetime | None]
    last_weekly_update: Mapped[datetime | None]
