"""Cron expressions: five fields, or six with the seconds first (C16), in a time zone (C17).

When clocks change, a fixed time that is skipped is due once, right after the gap, and one that comes twice is due once,
at its first coming; an entry whose minute or hour field begins with ``*`` follows the clock on the wall through both.

That is Debian's rule. cronsim has it too, but not for six fields, and not where clocks change by half an hour: so it is
asked what times a clock on the wall shows, and what those times are is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import dropwhile, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MINUTE = timedelta(minutes=1)
#: Longer than any clock is ever set back: a search begins before an hour that is repeated.
SET_BACK = timedelta(hours=3)


class InvalidSchedule(ValueError):
    """No clock could follow this."""

    def __init__(self, schedule: str, zone: str, reason: object) -> None:
        super().__init__(
            f"schedule {schedule!r} in time zone {zone!r} is not valid: {reason}; "
            "use 5 fields (minute hour day month weekday), or 6 with seconds first, and a zone such as Europe/Madrid"
        )


def check(schedule: str, zone: str = "UTC") -> None:
    """Raise InvalidSchedule, naming the bad field, unless a clock could follow this."""
    slots_between(schedule, zone, datetime.now(UTC), datetime.now(UTC))


def slots_between(schedule: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """The moments of the schedule in ``(after, until]``, in order, in UTC. Raises InvalidSchedule."""
    try:
        seconds = sorted(CronSim(schedule, after).seconds)
        there = UTC if zone == "UTC" else ZoneInfo(zone)
        minutes = _minutes(schedule.split()[-5:], there, after)
    except (CronSimError, ValueError, KeyError, OSError) as error:
        raise InvalidSchedule(schedule, zone, error) from error
    moments = (minute + timedelta(seconds=second) for minute in minutes for second in seconds)
    return takewhile(lambda moment: moment <= until, dropwhile(lambda moment: moment <= after, moments))


def is_slot(schedule: str, zone: str, moment: datetime) -> bool:
    """Whether this is a moment of the schedule. Raises InvalidSchedule."""
    return moment in slots_between(schedule, zone, moment - timedelta(seconds=1), moment)


def in_words(schedule: str) -> str:
    """``At 09:00 on Monday through Friday``. Raises InvalidSchedule."""
    check(schedule)
    return CronSim(schedule, datetime.now(UTC)).explain()


def _minutes(fields: list[str], zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """The matching minutes from before ``after`` on, in UTC, in order."""
    follows_the_wall = fields[0].startswith("*") or fields[1].startswith("*")
    begin = (after - SET_BACK).astimezone(zone).replace(tzinfo=None)
    return _instants(CronSim(" ".join(fields), begin), zone, follows_the_wall=follows_the_wall)


def _instants(walls: Iterator[datetime], zone: tzinfo, *, follows_the_wall: bool) -> Iterator[datetime]:
    """The moments at which a clock in that zone shows these times."""
    last = datetime.min.replace(tzinfo=UTC)
    again: list[datetime] = []
    for wall in walls:
        first, second = _comings(wall, zone)
        if first > second:
            if follows_the_wall:
                continue
            first = _end_of_gap(wall, zone)
        while again and again[0] <= first:
            yield (last := again.pop(0))
        if first > last:
            yield (last := first)
        if follows_the_wall and second > first:
            again.append(second)
    yield from again


def _comings(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """When the clock shows this for the first and the last time; a later first means never (PEP 495)."""
    first, last = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, last


def _end_of_gap(wall: datetime, zone: tzinfo) -> datetime:
    while True:
        wall += MINUTE
        first, last = _comings(wall, zone)
        if first <= last:
            return first
