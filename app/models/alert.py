"""An alert: what is wrong, since when, and whether it still is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Float, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class AlertState(StrEnum):
    """``pending``: it is wrong, but not for long enough yet."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Base):
    """One rule about one subject. It comes again in the same row."""

    __tablename__ = "alerts"

    rule: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    state: Mapped[AlertState] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    value: Mapped[float] = mapped_column(Float)
    threshold: Mapped[float] = mapped_column(Float)
    since: Mapped[datetime]  # the first look that found it so
    fired_at: Mapped[datetime | None]
    clear_since: Mapped[datetime | None]  # the first look that did not, while it is still firing
    resolved_at: Mapped[datetime | None]
