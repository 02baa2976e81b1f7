"""Which slots of an entry are due, and what its policy makes of those that were missed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal

from app.crontab.cron import last_slot, slots_between

CatchUp = Literal["skip", "one", "all"]

#: Slots are added this long before they fall due, so that seconds are kept and a late beat costs nothing (R23).
AHEAD = timedelta(seconds=90)
#: A slot that was not added this long after it fell due was missed: from here on the policy decides.
MISSED_AFTER = timedelta(minutes=5)
#: At most this many slots of an entry in one tick; the next tick goes on.
AT_ONCE = 500
#: Beyond this many, skipped slots are not counted one by one.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Skipped:
    """Slots that will not run: how many (at least), the first and the last of them."""

    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """What a tick does for one entry: ``slots`` to add, in order, and those that the policy drops."""

    slots: list[datetime]
    skipped: Skipped | None = None

    @property
    def reaches(self) -> datetime | None:
        """Up to where the cursor moves; None if there is nothing to do."""
        if self.slots:
            return self.slots[-1]
        return self.skipped.last if self.skipped else None


def slots_due(schedule: str, zone: str, catch_up: CatchUp, cursor: datetime, now: datetime) -> Due:
    """The slots in ``(cursor, now + 90 s]``, less the missed ones that the policy drops (R23).

    ``all`` adds every missed slot, ``one`` the latest of them, ``skip`` none. Missed is what fell due over five minutes
    ago; where something was missed, ``one`` is one run for the whole pause. Raises InvalidSchedule.
    """
    overdue_since = next(slots_between(schedule, zone, cursor, now - MISSED_AFTER), None)
    if catch_up == "all" or overdue_since is None:
        return Due(_from(schedule, zone, cursor, now))
    if catch_up == "skip":
        on_time = now - MISSED_AFTER
        return Due(_from(schedule, zone, on_time, now), _skipped(schedule, zone, cursor, on_time))
    latest = last_slot(schedule, zone, now)
    assert latest is not None  # noqa: S101 - one is overdue
    skipped = _skipped(schedule, zone, cursor, latest - timedelta(seconds=1)) if latest > overdue_since else None
    return Due([latest, *_from(schedule, zone, latest, now)], skipped)


def slot_name(slot: datetime) -> str:
    """``20260101T090000``: UTC, without a colon, for promise keys and job ids."""
    return slot.astimezone(UTC).strftime("%Y%m%dT%H%M%S")


def parse_slot(name: str) -> datetime:
    """The moment of a slot's name. Raises ValueError."""
    return datetime.strptime(name, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def _from(schedule: str, zone: str, after: datetime, now: datetime) -> list[datetime]:
    return list(islice(slots_between(schedule, zone, after, now + AHEAD), AT_ONCE))


def _skipped(schedule: str, zone: str, after: datetime, until: datetime) -> Skipped | None:
    count, first, last = 0, None, None
    for slot in islice(slots_between(schedule, zone, after, until), MOST_COUNTED):
        count, first, last = count + 1, first or slot, slot
    if first is None or last is None:
        return None
    return Skipped(count, first, until if count == MOST_COUNTED else last)
