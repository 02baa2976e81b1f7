"""How users are spread over the slots, and how many of them have data as fresh as they were promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.models.schedule import UserUpdateSchedule
from app.models.slot_load import SlotKind, SlotLoad

SLOTS: Mapping[SlotKind, int] = {"hour": 24, "day": 7}
#: The gap between two updates, and the length of the slot that each may fall in.
DAILY = timedelta(days=1) + timedelta(hours=1)
WEEKLY = timedelta(days=7) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Freshness:
    """Users of one cadence: ``fresh`` were updated within one gap and the length of a slot, ``never`` not at all."""

    users: int
    fresh: int
    never: int
    oldest: datetime | None

    @property
    def late(self) -> int:
        """Were updated, and should have been again by now."""
        return self.users - self.fresh - self.never


def users_per_slot(session: Session, kind: SlotKind) -> dict[int, int]:
    """Users of each of the 24 hours, or of the 7 days (0 = Sunday), in UTC. Source: S0-11."""
    counted = select(SlotLoad.slot, SlotLoad.users).where(SlotLoad.kind == kind)
    users = dict(session.execute(counted).all())
    return {slot: users.get(slot, 0) for slot in range(SLOTS[kind])}


def daily_freshness(session: Session, now: datetime) -> Freshness:
    """A day apart, anywhere within the hour."""
    return _freshness(session, UserUpdateSchedule.last_daily_update, now - DAILY)


def weekly_freshness(session: Session, now: datetime) -> Freshness:
    """A week apart, anywhere within the day."""
    return _freshness(session, UserUpdateSchedule.last_weekly_update, now - WEEKLY)


def _freshness(session: Session, updated: InstrumentedAttribute[datetime | None], since: datetime) -> Freshness:
    counts = select(func.count(), func.count(updated), func.count().filter(updated >= since), func.min(updated))
    users, ever, fresh, oldest = session.execute(counts.select_from(UserUpdateSchedule)).one()
    return Freshness(users, fresh, users - ever, oldest)
