"""Whose hour or day has come and has not been promised yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app.domains.slots.cycle import Cycle, next_daily, next_weekly
from app.models.schedule import UserUpdateSchedule

__all__ = ["Promised", "due", "next_daily", "next_weekly", "promise"]


class Promised(NamedTuple):
    """A user to whom a slot is promised, and their minute of it."""

    user_id: str
    minute: int


def due(cycle: Cycle, slot: datetime) -> Select[str, int]:
    """Users of this slot to whom it has not been promised, and their minutes; the longest neglected first (R4)."""
    beginning = cycle.beginning(slot)
    if slot != beginning:
        raise ValueError(f"{slot.isoformat()} is inside a slot; give its beginning, {beginning.isoformat()}")
    return (
        select(UserUpdateSchedule.user_id, cycle.minute)
        .where(cycle.slot == cycle.number(slot), cycle.promised_slot < slot)
        .order_by(cycle.promised_slot, UserUpdateSchedule.user_id)
    )


def promise(session: Session, cycle: Cycle, slot: datetime, limit: int) -> Sequence[Promised]:
    """Promise the slot to at most ``limit`` due users, in the caller's transaction; returns whom.

    Empty means that nobody is left. Write the jobs' rows in the same transaction, and neither happens without the
    other. A second producer waits for the first, then finds the next users.
    """
    found = session.execute(due(cycle, slot).limit(limit).with_for_update())
    users = [Promised(user_id, minute) for user_id, minute in found]
    if users:
        theirs = UserUpdateSchedule.user_id.in_([user.user_id for user in users])
        promised = {cycle.promised_slot: slot, cycle.promised_minute: cycle.minute}
        schedules = update(UserUpdateSchedule).where(theirs).values(promised)
        session.execute(schedules, execution_options={"synchronize_session": False})
    return users
