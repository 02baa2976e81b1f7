"""Who sells advertising space, and asks for figures about it (document 003)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utc_now
from app.models.base import Base
from app.models.user import new_id

#: Short enough to be a part of a crontab entry's id.
PUBLISHER_ID_LENGTH = 40


class Publisher(Base):
    """Its days begin in its ``timezone``; revenue is in one ``currency`` for ever. A premium one's jobs go first."""

    __tablename__ = "publishers"

    id: Mapped[str] = mapped_column(String(PUBLISHER_ID_LENGTH), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    is_premium: Mapped[bool] = mapped_column(default=False)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    currency: Mapped[str] = mapped_column(String(3), default="USD")  # ISO 4217
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
