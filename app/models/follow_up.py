"""A task for whoever works on an opportunity: get in touch again (S4-8)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigKey

_OPEN = text("closed_at IS NULL")


class FollowUp(Base):
    """One task for one due time of one opportunity, however often it is looked for."""

    __tablename__ = "follow_ups"
    __table_args__ = (
        UniqueConstraint("opportunity_id", "due_at"),
        Index("ix_follow_ups_open", "owner", "due_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    opportunity_id: Mapped[str] = mapped_column(ForeignKey("opportunities.id", ondelete="CASCADE"))
    owner: Mapped[str] = mapped_column(String(254))
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
