"""A line of the crontab."""

from __future__ import annotations

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class CrontabEntry(Base):
    """A schedule and the job it adds. ``version`` rises with every change, and cancels what was added before (R23)."""

    __tablename__ = "crontab_entry"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    schedule: Mapped[str] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(Text)
    job: Mapped[str] = mapped_column(Text)
    catch_up: Mapped[str] = mapped_column(String(8))  # skip, one, all
    enabled: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
