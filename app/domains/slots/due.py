"""Whose hour or day has come and has not been promised yet. Slots are anchored in UTC (CONTRACTS C34)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app.models.schedule import UserUpdateSchedule

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def hour_slot(now: datetime) -> datetime:
    """The daily slot that this moment is in: the beginning of its hour, in UTC."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_slot(now: datetime) -> datetime:
    """The weekly slot that this moment is in: midnight, in UTC."""
    return hour_slot(now).replace(hour=0)


def weekday(slot: datetime) -> int:
    """The day's number as the documents count: 0 is Sunday."""
    return slot.isoweekday() % 7


def due_daily(slot: datetime) -> Select[str]:
    """Ids of users of this slot's hour to whom it has not been promised, the longest neglected first (RULES R4)."""
    _require(slot, hour_slot(slot))
    schedule = UserUpdateSchedule
    return (
        select(schedule.user_id)
        .where(schedule.daily_update_hour == slot.hour, schedule.promised_daily_slot < slot)
        .order_by(schedule.promised_daily_slot, schedule.user_id)
    )


def due_weekly(slot: datetime) -> Select[str]:
    """Ids of users of this slot's day to whom it has not been promised, the longest neglected first (RULES R4)."""
    _require(slot, day_slot(slot))
    schedule = UserUpdateSchedule
    return (
        select(schedule.user_id)
        .where(schedule.weekly_update_day == weekday(slot), schedule.promised_weekly_slot < slot)
        .order_by(schedule.promised_weekly_slot, schedule.user_id)
    )


def promise_daily(session: Session, slot: datetime, limit: int) -> Sequence[str]:
    """Promise the slot to at most ``limit`` due users, in the caller's transaction; returns their ids.

    Empty means that nobody is left. Write the jobs' rows in the same transaction, and neither happens without the
    other. A second producer waits for the first, then finds the next users.
    """
    user_ids = session.scalars(due_daily(slot).limit(limit).with_for_update()).all()
    _advance(session, user_ids, {"promised_daily_slot": slot})
    return user_ids


def promise_weekly(session: Session, slot: datetime, limit: int) -> Sequence[str]:
    """The same for a weekly slot."""
    user_ids = session.scalars(due_weekly(slot).limit(limit).with_for_update()).all()
    _advance(session, user_ids, {"promised_weekly_slot": slot})
    return user_ids


def next_daily(hour: int, now: datetime) -> datetime:
    """When that hour begins next, in UTC, strictly after now."""
    today = day_slot(now).replace(hour=hour)
    return today if today > now else today + DAY


def next_weekly(day: int, now: datetime) -> datetime:
    """When that day (0 = Sunday) begins next, in UTC, strictly after now."""
    midnight = day_slot(now) + timedelta(days=(day - weekday(day_slot(now))) % 7)
    return midnight if midnight > now else midnight + WEEK


def _advance(session: Session, user_ids: Sequence[str], promised: dict[str, datetime]) -> None:
    if user_ids:
        schedules = update(UserUpdateSchedule).where(UserUpdateSchedule.user_id.in_(user_ids))
        session.execute(schedules.values(promised), execution_options={"synchronize_session": False})


def _require(slot: datetime, beginning: datetime) -> None:
    if slot != beginning:
        raise ValueError(f"{slot.isoformat()} is inside a slot; give its beginning, {beginning.isoformat()}")
