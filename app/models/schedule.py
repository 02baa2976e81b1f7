"""When each user's data is promised, and when it was last good."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import EPOCH
from app.models.base import Base


class UserUpdateSchedule(Base):
    """A user's hour and day, and their minute within each, in UTC. Source: document 000; CONTRACTS C7, C8, C32, C34.

    ``promised_*`` move when the job is promised (the epoch: never yet) and say for when; ``last_*_update`` move only on
    success. A user whose promise was for another place than theirs has been moved since.
    """

    __tablename__ = "user_update_schedules"
    __table_args__ = (
        CheckConstraint("daily_update_hour BETWEEN 0 AND 23", name="daily_update_hour"),
        CheckConstraint("weekly_update_day BETWEEN 0 AND 6", name="weekly_update_day"),
        CheckConstraint("daily_minute BETWEEN 0 AND 59", name="daily_minute"),
        CheckConstraint("weekly_minute BETWEEN 0 AND 1439", name="weekly_minute"),
        Index("ix_user_update_schedules_daily", "daily_update_hour", "promised_daily_slot", "user_id"),
        Index("ix_user_update_schedules_weekly", "weekly_update_day", "promised_weekly_slot", "user_id"),
    )

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    daily_update_hour: Mapped[int] = mapped_column(SmallInteger)
    daily_minute: Mapped[int] = mapped_column(SmallInteger, default=0)  # of the hour
    weekly_update_day: Mapped[int] = mapped_column(SmallInteger)  # 0 = Sunday
    weekly_minute: Mapped[int] = mapped_column(SmallInteger, default=0)  # of the day
    promised_daily_slot: Mapped[datetime] = mapped_column(default=EPOCH)
    promised_daily_minute: Mapped[int] = mapped_column(SmallInteger, default=0)
    promised_weekly_slot: Mapped[datetime] = mapped_column(default=EPOCH)
    promised_weekly_minute: Mapped[int] = mapped_column(SmallInteger, default=0)
    last_daily_update: Mapped[datetime | None]
    last_weekly_update: Mapped[datetime | None]
