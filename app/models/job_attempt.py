"""One ended run of a job."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigKey


class JobAttempt(Base):
    """What one run did. A run that died with its worker leaves none: the next run's number shows the gap."""

    __tablename__ = "job_attempt"

    job: Mapped[int] = mapped_column(BigKey, ForeignKey("job_status.id", ondelete="CASCADE"), primary_key=True)
    run: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    attempt: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))  # an EndKind, or "partial"
    worker: Mapped[str | None] = mapped_column(Text)
    version: Mapped[str | None] = mapped_column(Text)  # of the code that ran
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    error: Mapped[str | None] = mapped_column(Text)
    stacktrace: Mapped[str | None] = mapped_column(Text)
