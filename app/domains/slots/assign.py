"""Give a user an hour and a day, with a minute of each, and take them back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domains.slots.cycle import DAILY, WEEKLY, Place
from app.domains.slots.load import count_in, lock_loads, take
from app.models.schedule import UserUpdateSchedule
from app.models.user import User


def assign(session: Session, user_id: str) -> UserUpdateSchedule:
    """The user's schedule: the one they have, or the least loaded hour and day."""
    assign_many(session, [user_id])
    return session.get_one(UserUpdateSchedule, user_id)


def assign_many(session: Session, user_ids: Sequence[str]) -> int:
    """Schedule those that have no schedule yet; returns how many.

    The counters are locked before anything is read, so that nobody is counted twice, whoever else assigns.
    """
    loads = lock_loads(session)
    known = select(UserUpdateSchedule.user_id).where(UserUpdateSchedule.user_id.in_(user_ids))
    scheduled = set(session.scalars(known))
    new = [user_id for user_id in dict.fromkeys(user_ids) if user_id not in scheduled]
    hours = take(session, loads, DAILY, len(new))
    days = take(session, loads, WEEKLY, len(new))
    session.add_all(
        UserUpdateSchedule(
            user_id=user_id,
            daily_update_hour=hour.slot,
            daily_minute=hour.minute,
            weekly_update_day=day.slot,
            weekly_minute=day.minute,
        )
        for user_id, hour, day in zip(new, hours, days, strict=True)
    )
    session.flush()
    return len(new)


def unscheduled() -> Select[str]:
    """Verified users without a schedule: those whose assignment failed when they were verified."""
    scheduled = select(UserUpdateSchedule.user_id).where(UserUpdateSchedule.user_id == User.id)
    return select(User.id).where(User.verified_at.is_not(None), User.removed_at.is_(None), ~scheduled.exists())


def assign_missing(session: Session, limit: int = 500) -> int:
    """Schedule verified users that were left without; returns how many. Call it now and then."""
    left_out = session.scalars(unscheduled().limit(limit)).all()
    return assign_many(session, left_out) if left_out else 0


def release(session: Session, user_id: str) -> None:
    """Delete the user's schedule and free its hour and day. Nothing happens if there is none."""
    loads = lock_loads(session)
    schedule = session.get(UserUpdateSchedule, user_id, populate_existing=True)
    if schedule is None:
        return
    count_in(session, loads, DAILY, leave=[Place(schedule.daily_update_hour, schedule.daily_minute)])
    count_in(session, loads, WEEKLY, leave=[Place(schedule.weekly_update_day, schedule.weekly_minute)])
    session.delete(schedule)
    session.flush()
