"""A worker process, as the ledger knows it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.job_status import KEY_LENGTH


class Worker(Base):
    """Seen over 15 s ago, without locks and without a keeper's beat: its running rows are orphans (R14)."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)
