"""When each promised user's turn comes within the slot: their own minute, or batches with a pause between them (C9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domains.slots.cycle import Cycle, moment
from app.domains.slots.due import Promised
from app.models.schedule import UserUpdateSchedule
from app.settings import settings


class Turn(NamedTuple):
    """A user's update of a slot, and when it is to begin."""

    user_id: str
    slot: datetime
    at: datetime


def turns(session: Session, cycle: Cycle, slot: datetime, users: Sequence[Promised]) -> list[Turn]:
    """The turns of users who have just been promised the slot.

    With BATCH_DELAY_MS they leave in the documents' batches, as they were promised: the gaps between their slots are
    exact, those between their turns vary with how many stand before them.
    """
    if not settings().batch_delay_ms:
        return [Turn(user.user_id, slot, moment(slot, user.minute, user.user_id)) for user in users]
    everybody = select(func.count(), func.count().filter(cycle.promised_slot == slot))
    of_slot = everybody.select_from(UserUpdateSchedule).where(cycle.slot == cycle.number(slot))
    total, promised = session.execute(of_slot).one()
    size = batch_size(cycle)
    apart = pause(cycle, total)
    before = promised - len(users)
    return [Turn(user.user_id, slot, slot + (before + n) // size * apart) for n, user in enumerate(users)]


def batch_size(cycle: Cycle) -> int:
    """Users of a batch. Source: S0-19."""
    return settings().daily_batch_size if cycle.cadence == "daily" else settings().weekly_batch_size


def pause(cycle: Cycle, users: int) -> timedelta:
    """Between two batches: BATCH_DELAY_MS, or less, so that the last of so many users leave within the slot."""
    batches = -(-users // batch_size(cycle))
    return min(timedelta(milliseconds=settings().batch_delay_ms), cycle.length / max(batches, 1))
