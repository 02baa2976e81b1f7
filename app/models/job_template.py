"""A job that is kept under a name, to be added again with one click (document 003's F5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.job_status import KEY_LENGTH
from app.models.json_text import JsonText
from app.models.user import ID_LENGTH

TEMPLATE_NAME_LENGTH = 64


class JobTemplate(Base):
    """What a job that is made of it will be; nothing that is made already changes with it."""

    __tablename__ = "job_templates"

    name: Mapped[str] = mapped_column(String(TEMPLATE_NAME_LENGTH), primary_key=True)
    queue: Mapped[str] = mapped_column(String(KEY_LENGTH))
    job_name: Mapped[str] = mapped_column(String(128))
    data: Mapped[Any] = mapped_column(JsonText)
    priority: Mapped[int]
    delay_ms: Mapped[int] = mapped_column(BigInteger)
    changed_by: Mapped[str] = mapped_column(String(ID_LENGTH))
    changed_at: Mapped[datetime]
