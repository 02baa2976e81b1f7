"""How long a queue was, and its longest wait, in one stretch of time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.job_status import KEY_LENGTH


class QueueFigure(Base):
    """The most that was seen at any look from ``at`` on, for ``width_s`` seconds."""

    __tablename__ = "queue_figures"

    width_s: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    queue: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    waiting: Mapped[int] = mapped_column(BigInteger)
    oldest_ms: Mapped[int] = mapped_column(BigInteger)  # since the oldest waiting job could have run; 0 without any
