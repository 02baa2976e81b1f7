"""Users to schedule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.clock import utc_now
from app.models.schedule import UserUpdateSchedule
from app.models.slot_load import SlotLoad
from app.models.user import User

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)


def add_users(session: Session, count: int, first: int = 0) -> list[str]:
    """That many verified users without a schedule; returns their ids."""
    ids = [f"u{number:06}" for number in range(first, first + count)]
    rows = [
        {"id": user_id, "email": f"{user_id}@example.com", "password_hash": "-", "verified_at": utc_now()}
        for user_id in ids
    ]
    session.execute(insert(User), rows)
    return ids


def users_per_slot(session: Session) -> tuple[Sequence[int], Sequence[int]]:
    """Users of each hour and of each day, counted from the schedules themselves, and equal to the counters."""
    hours = _counted(session, UserUpdateSchedule.daily_update_hour)
    days = _counted(session, UserUpdateSchedule.weekly_update_day)
    counted = {(load.kind, load.slot): load.users for load in session.scalars(select(SlotLoad))}
    assert [hours[hour] for hour in range(24)] == [counted["hour", hour] for hour in range(24)]
    assert all(load.users == sum(load.minutes) for load in session.scalars(select(SlotLoad)))
    assert [days[day] for day in range(7)] == [counted["day", day] for day in range(7)]
    return [hours[hour] for hour in range(24)], [days[day] for day in range(7)]


def _counted(session: Session, slot: InstrumentedAttribute[int]) -> Counter[int]:
    return Counter(dict(session.execute(select(slot, func.count()).group_by(slot)).all()))


def spread(counts: Sequence[int]) -> int:
    """The fullest less the emptiest."""
    return max(counts) - min(counts)
