"""What a hosting service's status API has said of it (document 001)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigKey
from app.models.job_status import KEY_LENGTH

RECORD_ID_LENGTH = 128


class ServiceLog(Base):
    """One record, once: ``record_id`` is the API's own. ``job_id`` names the sync that brought it."""

    __tablename__ = "service_logs"
    __table_args__ = (
        UniqueConstraint("service_id", "record_id"),
        Index("ix_service_logs_service_id_id", "service_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("hosting_services.id", ondelete="CASCADE"))
    record_id: Mapped[str] = mapped_column(String(RECORD_ID_LENGTH))
    at: Mapped[datetime]  # as the API has it
    status: Mapped[str] = mapped_column(String(32))  # up, degraded, down, maintenance
    message: Mapped[str] = mapped_column(Text, default="")
    response_ms: Mapped[int | None]
    job_id: Mapped[str] = mapped_column(String(KEY_LENGTH))
    seen_at: Mapped[datetime] = mapped_column(index=True)
