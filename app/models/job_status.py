"""The ledger's row of a job: what was promised, what happened."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigKey
from app.models.error_group import SIGNATURE_LENGTH
from app.models.json_text import JsonText

#: The longest queue name, job id or promise key: all are indexed, and an index has a limit.
KEY_LENGTH = 255
FAILED = text("status IN ('failed', 'partial')")
OF_A_USER = text("user_id IS NOT NULL")
PROMISED = text("promise_key IS NOT NULL")
#: Word for word in whatever is to use its index.
OPEN_OF_CRONTAB = text("queue IN ('cron', 'cron-jobs') AND ended_at IS NULL")


class Status(StrEnum):
    """Where a job is. The last five are ends; ``partial`` is completed in Redis, ``cancelled`` failed (C33)."""

    WAITING = "waiting"
    DELAYED = "delayed"
    ACTIVE = "active"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REMOVED = "removed"


class JobStatus(Base):
    """One accepted job, from its promise to its end.

    ``(queue, job_id, added_ms)`` names it for ever: an id can come again when Redis was emptied or trimmed (R1).
    ``run`` is the fence (R6): whoever ends the row raises it or holds it, so a row that has ended under a run's own
    number was ended by that run.
    """

    __tablename__ = "job_status"
    __table_args__ = (
        # The id first: it is also how one job is looked up.
        UniqueConstraint("job_id", "queue", "added_ms"),
        # A job without a user, or added without a promise's key, costs these two nothing. PostgreSQL writes every other
        # index of a row again with each change of its status.
        Index("ix_job_status_user_id_id", "user_id", "id", postgresql_where=OF_A_USER, sqlite_where=OF_A_USER),
        Index(
            "uq_job_status_promise_key", "promise_key", unique=True, postgresql_where=PROMISED, sqlite_where=PROMISED
        ),
        # The id last: the open rows of a status are a keyset.
        Index("ix_job_status_status_ended_at_id", "status", "ended_at", "id"),
        # Everybody's failures and one user's, the latest first: a page that is no index's order is a sort of them all.
        # Only a failure pays for these two.
        Index("ix_job_status_failed", "ended_at", "id", postgresql_where=FAILED, sqlite_where=FAILED),
        Index("ix_job_status_failed_user", "user_id", "ended_at", "id", postgresql_where=FAILED, sqlite_where=FAILED),
        Index(
            "ix_job_status_error_group",
            "error_group",
            "ended_at",
            "id",
            postgresql_where=text("status = 'failed' AND error_group IS NOT NULL"),
            sqlite_where=text("status = 'failed' AND error_group IS NOT NULL"),
        ),
        Index(
            "ix_job_status_unconfirmed",
            "queued_at",
            postgresql_where=text("confirmed_at IS NULL AND ended_at IS NULL"),
            sqlite_where=text("confirmed_at IS NULL AND ended_at IS NULL"),
        ),
        # Whether an entry is late: asked with every /health, however many other jobs wait.
        Index("ix_job_status_crontab", "queued_at", postgresql_where=OPEN_OF_CRONTAB, sqlite_where=OPEN_OF_CRONTAB),
        Index(
            "ix_job_status_parent_key",
            "parent_key",
            postgresql_where=text("parent_key IS NOT NULL"),
            sqlite_where=text("parent_key IS NOT NULL"),
        ),
        # Room on its page for the last change of a row, that of settled_at, which then writes no index at all.
        {"postgresql_with": {"fillfactor": 70}},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    queue: Mapped[str] = mapped_column(String(KEY_LENGTH))
    job_id: Mapped[str] = mapped_column(String(KEY_LENGTH))
    added_ms: Mapped[int] = mapped_column(BigInteger)
    promise_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH))
    parent_key: Mapped[str | None] = mapped_column(Text)  # the Redis key of the job that waits for this one

    name: Mapped[str] = mapped_column(Text)
    user_id: Mapped[str | None] = mapped_column(String(KEY_LENGTH))
    data: Mapped[Any] = mapped_column(JsonText, nullable=True)
    opts: Mapped[Any] = mapped_column(JsonText)
    priority: Mapped[int] = mapped_column(BigInteger, default=0)
    delay_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(BigInteger)

    status: Mapped[str] = mapped_column(String(16))
    run: Mapped[int] = mapped_column(BigInteger, default=0)
    step: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts_made: Mapped[int] = mapped_column(BigInteger, default=0)
    crashes: Mapped[int] = mapped_column(BigInteger, default=0)
    repairs: Mapped[int] = mapped_column(BigInteger, default=0)
    worker: Mapped[str | None] = mapped_column(Text)
    checkpoint: Mapped[Any] = mapped_column(JsonText, nullable=True)
    cancelled: Mapped[str | None] = mapped_column(Text)  # why, once somebody has asked for it

    queued_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]  # Redis has it
    due_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]  # Redis knows that it has ended
    duration_ms: Mapped[int | None] = mapped_column(BigInteger)

    return_value: Mapped[Any] = mapped_column(JsonText, nullable=True)
    error: Mapped[str | None] = mapped_column(Text)
    error_group: Mapped[str | None] = mapped_column(String(SIGNATURE_LENGTH))  # of a failed job
    accounts_total: Mapped[int | None]
    accounts_processed: Mapped[int | None]
    account_errors: Mapped[Any] = mapped_column(JsonText, nullable=True)  # reason per account
