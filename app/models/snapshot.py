"""Figures of the system, as they were at a slot of the crontab."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigKey
from app.models.json_text import JsonText


class Snapshot(Base):
    """One a kind (the entry that took it) and slot: a second attempt replaces what the first has left."""

    __tablename__ = "snapshots"
    __table_args__ = (UniqueConstraint("kind", "slot"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    slot: Mapped[datetime]
    taken_at: Mapped[datetime] = mapped_column(index=True)
    figures: Mapped[Any] = mapped_column(JsonText)
