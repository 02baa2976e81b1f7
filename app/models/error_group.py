"""An error that jobs have failed with, whatever differs from job to job."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base

SIGNATURE_LENGTH = 16


class ErrorGroup(Base):
    """``id`` is the signature. ``seen`` counts every failure there ever was, retried ones too; how many jobs are failed
    now is counted from their rows.
    """

    __tablename__ = "error_groups"
    __table_args__ = (Index("ix_error_groups_last_seen_at_id", "last_seen_at", "id"),)

    id: Mapped[str] = mapped_column(String(SIGNATURE_LENGTH), primary_key=True)
    error_class: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    sample: Mapped[str] = mapped_column(Text)  # the newest error in full
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    seen: Mapped[int] = mapped_column(BigInteger)
