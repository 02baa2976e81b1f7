"""How fresh each dataset of each account is, and why it is not fresher."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base

DatasetStatus = Literal["ok", "partial", "failed"]


class DatasetUpdate(Base):
    """The last try of one dataset; ``good_at`` is as of when it last came, None before the first time.

    Today a dataset comes whole or not at all, so ``partial`` is not written.
    """

    __tablename__ = "dataset_updates"
    __table_args__ = (Index("ix_dataset_updates_dataset_good_at", "dataset", "good_at"),)

    account_id: Mapped[str] = mapped_column(ForeignKey("seller_accounts.id", ondelete="CASCADE"), primary_key=True)
    dataset: Mapped[str] = mapped_column(String(64), primary_key=True)
    status: Mapped[DatasetStatus]
    reason: Mapped[str] = mapped_column(Text, default="")
    good_at: Mapped[datetime | None]
    tried_at: Mapped[datetime]
