"""A stretch of time to fetch: from its start up to, and without, its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC to the second, as Amazon's own examples write it: ``2024-12-25T00:00:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Window:
    """Aware datetimes with ``start < end``; ValueError otherwise."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError(f"naive window {self.start!r} to {self.end!r}: give both a time zone")
        if self.start >= self.end:
            raise ValueError(f"empty window: {self.start.isoformat()} is not before {self.end.isoformat()}")

    @classmethod
    def trailing(cls, end: datetime, days: int) -> Window:
        """The days up to ``end``."""
        return cls(end - timedelta(days=days), end)

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    @property
    def first_day(self) -> date:
        """The UTC date of its start."""
        return self.start.astimezone(UTC).date()

    @property
    def last_day(self) -> date:
        """The UTC date of its last moment: the end itself is outside."""
        return (self.end.astimezone(UTC) - timedelta(microseconds=1)).date()

    def at_least(self, length: timedelta) -> Window:
        """The same end, starting earlier if it is shorter than that."""
        return Window(min(self.start, self.end - length), self.end)

    def before(self, limit: datetime) -> Window:
        """The same start, ending at the limit if it ends later."""
        return Window(self.start, min(self.end, limit))

    def halves(self) -> tuple[Window, Window]:
        """Two windows that meet in the middle."""
        middle = self.start + self.length / 2
        return Window(self.start, middle), Window(middle, self.end)

    def split(self, days: int) -> Iterator[Window]:
        """Consecutive windows of at most that many days, oldest first."""
        start = self.start
        while start < self.end:
            end = min(start + timedelta(days=days), self.end)
            yield Window(start, end)
            start = end

    def to_state(self) -> list[str]:
        """As JSON; the inverse of ``from_state``."""
        return [self.start.isoformat(), self.end.isoformat()]

    @classmethod
    def from_state(cls, value: list[str]) -> Window:
        """What ``to_state`` wrote."""
        start, end = value
        return cls(datetime.fromisoformat(start), datetime.fromisoformat(end))
