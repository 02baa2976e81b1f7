"""What people are told, by which channels, and whether it has reached them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigKey
from app.models.json_text import JsonText


class Notification(Base):
    """One message. ``details`` are for programs: a webhook gets them."""

    __tablename__ = "notifications"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(16))  # failures, alerts, test
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    details: Mapped[Any] = mapped_column(JsonText)


class NotificationChannel(Base):
    """Where messages go. Its URL holds secrets, so it is sealed and never shown; ``shown`` is what may be."""

    __tablename__ = "notification_channels"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    kind: Mapped[str] = mapped_column(String(16))  # e-mail, sms, webhook …
    sealed_url: Mapped[str] = mapped_column(Text)
    shown: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class Delivery(Base):
    """One message by one channel; ``channel`` is an id, or a place in NOTIFY_URLS."""

    __tablename__ = "deliveries"

    notification: Mapped[int] = mapped_column(
        BigKey, ForeignKey("notifications.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    channel: Mapped[str] = mapped_column(String(32), primary_key=True)
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)  # of the last try
