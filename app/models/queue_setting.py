"""What an operator has set on a queue: an emergency stop must survive the loss of Redis (R16)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.job_status import KEY_LENGTH
from app.models.json_text import JsonText


class QueueSetting(Base):
    """One setting by its name, as it was asked for last; None for one that was taken back."""

    __tablename__ = "queue_setting"

    queue: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[Any] = mapped_column(JsonText, nullable=True)
