"""Which slots of an entry are due, and what its policy makes of those that were missed."""

from __future__ import annotations

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


def slots_due(schedule: str, zone: str, catch_up: CatchUp, cursor: datetime, now: datetime) -> list[datetime]:
    """The slots to add now, in order: those in ``(cursor, now + 90 s]``, less the missed ones that the policy drops.

    ``all`` adds every missed slot, ``one`` the latest of them, ``skip`` none.
    """
    until = now + AHEAD
    if catch_up == "all":
        return list(islice(slots_between(schedule, zone, cursor, until), AT_ONCE))
    on_time = max(cursor, now - MISSED_AFTER)
    missed = last_slot(schedule, zone, on_time) if catch_up == "one" and on_time > cursor else None
    first = [missed] if missed is not None and missed > cursor else []
    return first + list(islice(slots_between(schedule, zone, on_time, until), AT_ONCE))


def slot_name(slot: datetime) -> str:
    """``20260101T090000``: UTC, without a colon, for promise keys and job ids."""
    return slot.astimezone(UTC).strftime("%Y%m%dT%H%M%S")


def parse_slot(name: str) -> datetime:
    """The moment of a slot's name. Raises ValueError."""
    return datetime.strptime(name, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
