"""A page that the source lists for a destination (S4-3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base

SOURCE_ID_LENGTH = 128


class WebUrl(Base):
    """As the source's last whole list has it. What that no longer lists keeps its row, with ``removed_at``."""

    __tablename__ = "web_urls"

    id: Mapped[str] = mapped_column(String(SOURCE_ID_LENGTH), primary_key=True)  # the source's own
    url: Mapped[str] = mapped_column(Text)
    destination: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text, default="")
    listed_slot: Mapped[datetime] = mapped_column(index=True)  # the slot of the last sync that saw it
    changed_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
