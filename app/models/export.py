"""A publisher's rows of some days in one file (S3-3)."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.artifact import Artifact
from app.models.base import Base
from app.models.json_text import JsonText

ExportFormat = Literal["csv", "json"]


class Export(Artifact, Base):
    """``start_on`` and ``end_on`` are days of the publisher's zone, both included; ``progress`` in percent."""

    __tablename__ = "exports"

    format: Mapped[ExportFormat] = mapped_column(String(8))
    start_on: Mapped[date]
    end_on: Mapped[date]
    filters: Mapped[Any] = mapped_column(JsonText)
    progress: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int | None] = mapped_column(BigInteger)
    bytes: Mapped[int | None] = mapped_column(BigInteger)
