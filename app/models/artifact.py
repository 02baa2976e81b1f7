"""What a job makes for a publisher, and its files in EXPORT_DIR until they expire: exports and reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from app.models.job_status import KEY_LENGTH
from app.models.user import ID_LENGTH, new_id

ArtifactState = Literal["pending", "processing", "completed", "failed"]


class Artifact:
    """The columns of each kind. ``id`` is not the job's (CONTRACTS C28); it is all that a caller may choose.

    The row says what the job has said of itself: of a job that was removed, or died too often, only the ledger knows.
    """

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    publisher_id: Mapped[str] = mapped_column(ForeignKey("publishers.id", ondelete="CASCADE"))
    requested_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))  # None: an entry, or a job added by hand
    job_id: Mapped[str] = mapped_column(String(KEY_LENGTH))
    state: Mapped[ArtifactState] = mapped_column(String(16), default="pending")
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - SQLAlchemy calls it with the class
        """The newest of a publisher's, and of all."""
        return (Index(None, "publisher_id", "created_at", "id"), Index(None, "created_at", "id"))
