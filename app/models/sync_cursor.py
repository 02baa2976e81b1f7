"""How far an incremental sync has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class SyncCursor(Base):
    """The position after the last page that was written, in the source's own words; it moves with that page."""

    __tablename__ = "sync_cursors"

    source: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[str] = mapped_column(Text, default="")  # "": from the beginning
    moved_at: Mapped[datetime]
