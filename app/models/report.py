"""A publisher's day, week or month on a page, and who was sent it (S3-4)."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.artifact import Artifact
from app.models.base import Base
from app.models.json_text import JsonText

ReportType = Literal["daily", "weekly", "monthly"]


class Report(Artifact, Base):
    """``date`` is any day of what is reported, in the publisher's zone. ``recipients`` None: its members."""

    __tablename__ = "reports"

    report_type: Mapped[ReportType] = mapped_column(String(8))
    date: Mapped[date]
    recipients: Mapped[Any] = mapped_column(JsonText, nullable=True)
    mailed: Mapped[int] = mapped_column(default=0)  # how many have got it
