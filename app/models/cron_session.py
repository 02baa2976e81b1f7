"""The record of one run of a crontab entry (S4-5)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigKey
from app.models.job_status import KEY_LENGTH
from app.models.json_text import JsonText


class SessionStatus(StrEnum):
    """The document's three, and one for slots that never ran: missed while nothing ticked, or overlapped."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class CronSession(Base):
    """One run of one slot. At most one session of an entry is RUNNING: a unique index, not a lock, says so (R9).

    A RUNNING session without a ``worker`` waits: triggered and not started yet, or parked. A FAILED one that
    ``will_retry`` is followed by another run of the same job.
    """

    __tablename__ = "cron_session"
    __table_args__ = (
        Index(
            "uq_cron_session_running",
            "entry_id",
            unique=True,
            postgresql_where=text("status = 'RUNNING'"),
            sqlite_where=text("status = 'RUNNING'"),
        ),
        Index("ix_cron_session_entry_id_start_time", "entry_id", "start_time"),
        Index("ix_cron_session_status_start_time", "status", "start_time"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    entry_id: Mapped[str] = mapped_column(String(64))
    job_name: Mapped[str] = mapped_column(Text)  # the entry's id, or "<id> (manual)" (S4-12)
    job_id: Mapped[str | None] = mapped_column(String(KEY_LENGTH), index=True)  # the queued job that it records
    slot: Mapped[datetime]
    manual: Mapped[bool] = mapped_column(default=False)
    attempt: Mapped[int] = mapped_column(default=1)
    worker: Mapped[str | None] = mapped_column(Text)

    start_time: Mapped[datetime] = mapped_column(index=True)
    end_time: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(16))
    error: Mapped[str | None] = mapped_column(Text)
    will_retry: Mapped[bool] = mapped_column(default=False)
    details: Mapped[Any] = mapped_column("metadata", JsonText, nullable=True)
    duration_ms: Mapped[int | None] = mapped_column(BigInteger)
    memory_used: Mapped[int | None] = mapped_column(BigInteger)  # bytes more than at the start (S4-15)
    peak_memory: Mapped[int | None] = mapped_column(BigInteger)  # bytes, of the whole process
