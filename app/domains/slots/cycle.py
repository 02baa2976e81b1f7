"""A day of 24 hours and a week of 7 days: when each slot, and each minute of it, comes. All in UTC (CONTRACTS C34)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy.orm import InstrumentedAttribute

from app.models.schedule import UserUpdateSchedule
from app.models.slot_load import SlotKind

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


class Place(NamedTuple):
    """Where a user stands in a cycle: an hour (0 to 23) or a day (0 = Sunday), and a minute of it."""

    slot: int
    minute: int


@dataclass(frozen=True, slots=True)
class Cycle:
    """Slots of one length that come again after ``gap``, and the columns that say what a user has of it.

    Data older than ``late_after`` is late: a refresh takes its time after the gap.
    """

    cadence: Literal["daily", "weekly"]
    kind: SlotKind
    gap: timedelta
    length: timedelta
    late_after: timedelta
    slot: InstrumentedAttribute[int]
    minute: InstrumentedAttribute[int]
    promised_slot: InstrumentedAttribute[datetime]
    promised_minute: InstrumentedAttribute[int]

    @property
    def slots(self) -> int:
        """How many there are: 24 or 7."""
        return self.gap // self.length

    @property
    def minutes(self) -> int:
        """How many each slot has: 60 or 1,440."""
        return self.length // MINUTE

    def beginning(self, now: datetime) -> datetime:
        """Of the slot that this moment is in."""
        hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return hour if self.length == HOUR else hour.replace(hour=0)

    def number(self, slot: datetime) -> int:
        """Which slot begins there."""
        return slot.hour if self.length == HOUR else slot.isoweekday() % 7

    def next_slot(self, number: int, now: datetime) -> datetime:
        """When the slot of that number begins next, strictly after now."""
        began = self.beginning(now)
        return began + ((number - self.number(began) - 1) % self.slots + 1) * self.length

    def next_at(self, place: Place, now: datetime) -> datetime:
        """When that minute comes next, strictly after now."""
        later = self.next_slot(place.slot, now) + place.minute * MINUTE
        return later - self.gap if later - self.gap > now else later


DAILY = Cycle(
    "daily",
    "hour",
    DAY,
    HOUR,
    timedelta(hours=25),
    UserUpdateSchedule.daily_update_hour,
    UserUpdateSchedule.daily_minute,
    UserUpdateSchedule.promised_daily_slot,
    UserUpdateSchedule.promised_daily_minute,
)
WEEKLY = Cycle(
    "weekly",
    "day",
    WEEK,
    DAY,
    timedelta(days=7, hours=6),
    UserUpdateSchedule.weekly_update_day,
    UserUpdateSchedule.weekly_minute,
    UserUpdateSchedule.promised_weekly_slot,
    UserUpdateSchedule.promised_weekly_minute,
)
CYCLES = (DAILY, WEEKLY)


def moment(slot: datetime, minute: int, user_id: str) -> datetime:
    """When a user's turn comes in a slot: a fixed part of their minute is theirs, so that its users come one by one."""
    return slot + minute * MINUTE + timedelta(milliseconds=zlib.crc32(user_id.encode()) % 60_000)


def next_daily(hour: int, now: datetime, minute: int = 0) -> datetime:
    """When that minute of that hour comes next, in UTC, strictly after now."""
    return DAILY.next_at(Place(hour, minute), now)


def next_weekly(day: int, now: datetime, minute: int = 0) -> datetime:
    """When that minute of that day (0 = Sunday) comes next, in UTC, strictly after now."""
    return WEEKLY.next_at(Place(day, minute), now)
