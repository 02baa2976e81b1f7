"""Who changed what, when and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigKey
from app.models.json_text import JsonText


class AuditEntry(Base):
    """One act of an operator. Rows are added, never changed; retention alone removes them."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_target_id", "target", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(Text)  # a user's id, or the name of a part of ours
    action: Mapped[str] = mapped_column(String(64))  # entry.changed, queue.paused …
    target: Mapped[str] = mapped_column(String(255))  # what it was done to: "entry syncWebUrls"
    why: Mapped[str | None] = mapped_column(Text)
    details: Mapped[Any] = mapped_column(JsonText, nullable=True)  # old and new values, no secrets
