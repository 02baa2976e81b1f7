"""How users are spread over the slots, what workers that takes, and how many have data as fresh as promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domains.slots.cycle import CYCLES, DAILY, WEEKLY, Cycle
from app.domains.slots.load import read_loads
from app.domains.slots.sizing import Workers, workers_for
from app.models.schedule import UserUpdateSchedule
from app.models.slot_load import SlotKind, SlotLoad


@dataclass(frozen=True, slots=True)
class Freshness:
    """Users of one cadence: ``fresh`` were updated lately enough (``late_after``), ``never`` not at all."""

    users: int
    fresh: int
    never: int
    oldest: datetime | None

    @property
    def late(self) -> int:
        """Were updated, and should have been again by now."""
        return self.users - self.fresh - self.never


@dataclass(frozen=True, slots=True)
class Spread:
    """Users of each slot of a cycle, and of the fullest and the mean of its minutes."""

    users: Mapping[int, int]
    peak_minute: int
    mean_minute: float

    @property
    def peak_to_mean(self) -> float | None:
        """1 is perfectly even; None without users."""
        return self.peak_minute / self.mean_minute if self.mean_minute else None

    def as_dict(self) -> dict[str, float | None]:
        """Its minutes, as the API and ``toril slots --json`` show them."""
        return {"peak": self.peak_minute, "mean": self.mean_minute, "peakToMean": self.peak_to_mean}


@dataclass(frozen=True, slots=True)
class SlotStats:
    """Users by slot, and the workers for them."""

    daily: Spread
    weekly: Spread
    workers: Workers

    def as_dict(self) -> dict[str, Any]:
        """As the API and ``toril slots --json`` show it."""
        return {
            "usersPerHour": self.daily.users,
            "usersPerDay": self.weekly.users,
            "perMinute": {"daily": self.daily.as_dict(), "weekly": self.weekly.as_dict()},
            "workers": self.workers.as_dict(),
        }


def stats(session: Session) -> SlotStats:
    """What ``toril slots`` shows. Counters and the newest updates are read, never all users. Source: S0-11, S2-10."""
    loads = read_loads(session)
    daily, weekly = (_spread(cycle, loads[cycle.kind]) for cycle in CYCLES)
    return SlotStats(daily, weekly, workers_for(session, sum(daily.users.values())))


def users_per_slot(session: Session, kind: SlotKind) -> dict[int, int]:
    """Users of each of the 24 hours, or of the 7 days (0 = Sunday), in UTC. Source: S0-11."""
    counted = select(SlotLoad.slot, SlotLoad.users).where(SlotLoad.kind == kind)
    users = dict(session.execute(counted).all())
    return {slot: users.get(slot, 0) for cycle in CYCLES if cycle.kind == kind for slot in range(cycle.slots)}


def daily_freshness(session: Session, now: datetime) -> Freshness:
    """A day apart, and an hour for the refresh."""
    return _freshness(session, UserUpdateSchedule.last_daily_update, now - DAILY.late_after)


def weekly_freshness(session: Session, now: datetime) -> Freshness:
    """A week apart, and six hours for the refresh."""
    return _freshness(session, UserUpdateSchedule.last_weekly_update, now - WEEKLY.late_after)


def _spread(cycle: Cycle, loads: Mapping[int, Sequence[int]]) -> Spread:
    users = {slot: sum(loads.get(slot, ())) for slot in range(cycle.slots)}
    peak = max(chain.from_iterable(loads.values()), default=0)
    return Spread(users, peak, sum(users.values()) / cycle.slots / cycle.minutes)


def _freshness(session: Session, updated: InstrumentedAttribute[datetime | None], since: datetime) -> Freshness:
    counts = select(func.count(), func.count(updated), func.count().filter(updated >= since), func.min(updated))
    users, ever, fresh, oldest = session.execute(counts.select_from(UserUpdateSchedule)).one()
    return Freshness(users, fresh, users - ever, oldest)
