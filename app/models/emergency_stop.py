"""That everything is stopped, and what is to go on afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.json_text import JsonText


class EmergencyStop(Base):
    """One row while the stop lasts, none otherwise (C27).

    ``queues`` were running and ``entries`` were on when it began, so these are what a restart brings back: what
    somebody had paused or stopped by hand is not among them.
    """

    __tablename__ = "emergency_stop"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, default=1)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Text)
    why: Mapped[str | None] = mapped_column(Text)
    queues: Mapped[Any] = mapped_column(JsonText)  # names
    entries: Mapped[Any] = mapped_column(JsonText)  # by id: whether ``enabled`` was an operator's before, too
