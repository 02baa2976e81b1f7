"""Users by hour and by weekday as bars, beside what the workers can do, in the zone in which times are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.settings import settings

WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@dataclass(frozen=True, slots=True)
class Bar:
    """One slot: its label, its users, whether it is now, and its height of 100."""

    label: str
    users: int
    is_now: bool
    height: float


@dataclass(frozen=True, slots=True)
class Bars:
    """A cycle's slots in order. ``capacity`` is how many users a slot can have, None while it is not known."""

    title: str
    unit: str
    bars: Sequence[Bar]
    capacity: float | None

    @property
    def fullest(self) -> Bar:
        """The slot that most users have."""
        return max(self.bars, key=lambda bar: bar.users)

    @property
    def used(self) -> float | None:
        """Which part of the capacity the fullest slot takes: above 1 its users wait for the next slot."""
        return self.fullest.users / self.capacity if self.capacity else None

    @property
    def line(self) -> float | None:
        """Where the capacity stands among the bars; None above all of them."""
        most = self.fullest.users
        return None if not self.capacity or not most or self.capacity > most else 100 * self.capacity / most


def day(users: Mapping[int, int], per_hour: float | None, now: datetime) -> Bars:
    """The 24 hours; midnight is the shown zone's."""
    midnight = now.astimezone(ZoneInfo(settings().timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
    hours = [midnight.astimezone(UTC) + timedelta(hours=hour) for hour in range(24)]
    labels = [f"{at.astimezone(midnight.tzinfo):%H:%M}" for at in hours]
    slots = [at.hour for at in hours]
    return Bars("By hour", "an hour", _bars(labels, slots, users, now.astimezone(UTC).hour), per_hour)


def week(users: Mapping[int, int], per_hour: float | None, now: datetime) -> Bars:
    """The 7 days from Monday on. They begin at midnight UTC, as the slots do."""
    days = [1, 2, 3, 4, 5, 6, 0]
    labels = [WEEKDAYS[number] for number in days]
    today = now.astimezone(UTC).isoweekday() % 7
    return Bars("By weekday (UTC)", "a day", _bars(labels, days, users, today), per_hour and per_hour * 24)


def _bars(labels: Sequence[str], slots: Sequence[int], users: Mapping[int, int], now: int) -> list[Bar]:
    most = max(users.values(), default=0) or 1
    counted = zip(labels, slots, strict=True)
    return [Bar(label, users.get(slot, 0), slot == now, 100 * users.get(slot, 0) / most) for label, slot in counted]
