"""Which users a publisher belongs to (CONTRACTS C39)."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class PublisherMember(Base):
    """A member sees the publisher, its figures and exports, and adds its events."""

    __tablename__ = "publisher_members"

    publisher_id: Mapped[str] = mapped_column(ForeignKey("publishers.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
