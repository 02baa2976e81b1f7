"""A failure that nobody has been told of yet."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigKey


class UntoldFailure(Base):
    """Written in the transaction of the failure's end, removed in that of its notification: each is told once."""

    __tablename__ = "untold_failures"

    job: Mapped[int] = mapped_column(
        BigKey, ForeignKey("job_status.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
