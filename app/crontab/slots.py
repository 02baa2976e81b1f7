"""Which slots of an entry are due, and what its policy makes of those that were missed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal

from app.crontab.cron import slots_between

CatchUp = Literal["skip", "one", "all"]

#: Slots are added this long before they fall due, so that seconds are kept and a late beat costs nothing (R23).
AHEAD = timedelta(seconds=90)
#: A slot that was not added this long after it fell due was missed: from here on the policy decides.
MISSED_AFTER = timedelta(minutes=5)
#: At most this many slots of an entry in one tick; the next tick goes on.
AT_ONCE = 500
#: And at most this many that are skipped.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Skipped:
    """Slots that will not run: how many, the first and the last of them."""

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
    is_late = next(slots_between(schedule, zone, cursor, now - MISSED_AFTER), None) is not None
    if catch_up == "all" or not is_late:
        return Due(_from(schedule, zone, cursor, now))
    until = now - MISSED_AFTER if catch_up == "skip" else now
    missed = list(islice(slots_between(schedule, zone, cursor, until), MOST_COUNTED))
    if len(missed) == MOST_COUNTED:
        return Due([], _skipped(missed))  # the next tick goes on
    latest = [missed.pop()] if catch_up == "one" else []
    return Due(latest + _from(schedule, zone, until, now), _skipped(missed))


def slot_name(slot: datetime) -> str:
    """``20260101T090000``: UTC, without a colon, for promise keys and job ids."""
    return slot.astimezone(UTC).strftime("%Y%m%dT%H%M%S")


def parse_slot(name: str) -> datetime:
    """The moment of a slot's name. Raises ValueError."""
    return datetime.strptime(name, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def _from(schedule: str, zone: str, after: datetime, now: datetime) -> list[datetime]:
    return list(islice(slots_between(schedule, zone, after, now + AHEAD), AT_ONCE))


def _skipped(missed: list[datetime]) -> Skipped | None:
    return Skipped(len(missed), missed[0], missed[-1]) if missed else None
