"""A mail that a server has accepted: it is not sent again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class SentMail(Base):
    """Its ``message_id`` says what it is (report, slot, recipient), so that every attempt means the same mail."""

    __tablename__ = "sent_mails"

    message_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(index=True)
