"""How far an entry of the crontab has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class CrontabCursor(Base):
    """Up to where an entry's slots have been added, inclusive; moved by compare-and-set.

    ``version`` is the entry's: a tick that has read the entry before a change moves nothing after it.
    """

    __tablename__ = "crontab_cursor"

    entry_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    added_until: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
