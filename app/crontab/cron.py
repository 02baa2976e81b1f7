"""Cron expressions: five fields, or six with the seconds first (C16), in a time zone (C17).

When clocks change, a fixed time that is skipped is due once, right after the gap, and one that comes twice is due once,
at its first coming; an entry whose minute or hour field begins with ``*`` follows the clock on the wall through both.
That is Debian's rule, and cronsim's; seconds belong to their minute and go where it goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import dropwhile, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

#: Longer than any clock is ever set back: where a search begins that must not begin inside a repeated hour.
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
    _parts(schedule, zone, datetime.now(UTC))


def slots_between(schedule: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """The moments of the schedule in ``(after, until]``, in order, in UTC. Raises InvalidSchedule."""
    # A minute early: the one that ``after`` is in may have seconds left.
    minutes, seconds = _parts(schedule, zone, after - timedelta(minutes=1))
    moments = (moment + second for moment in _utc(minutes) for second in seconds)
    return takewhile(lambda moment: moment <= until, dropwhile(lambda moment: moment <= after, moments))


def last_slot(schedule: str, zone: str, until: datetime) -> datetime | None:
    """The latest moment of the schedule at or before ``until``, in UTC. Raises InvalidSchedule."""
    minutes, seconds = _parts(schedule, zone, until + SET_BACK, reverse=True)
    moments = (moment + second for moment in _utc(minutes) for second in reversed(seconds))
    return next((moment for moment in moments if moment <= until), None)


def is_slot(schedule: str, zone: str, moment: datetime) -> bool:
    """Whether this is a moment of the schedule. Raises InvalidSchedule."""
    return moment in slots_between(schedule, zone, moment - timedelta(seconds=1), moment)


def in_words(schedule: str) -> str:
    """``At 09:00 on Monday through Friday``. Raises InvalidSchedule."""
    try:
        return CronSim(schedule, datetime.now(UTC)).explain()
    except CronSimError as error:
        raise InvalidSchedule(schedule, "UTC", error) from error


def _parts(schedule: str, zone: str, start: datetime, *, reverse: bool = False) -> tuple[CronSim, list[timedelta]]:
    """The minutes from there on, and the seconds within each: cronsim knows of clock changes only for minutes."""
    fields = schedule.split()
    try:
        seconds = sorted(CronSim(schedule, start).seconds)
        minutes = CronSim(" ".join(fields[-5:]), start.astimezone(_zone(zone)), reverse=reverse)
    except (CronSimError, ValueError, KeyError, OSError) as error:
        raise InvalidSchedule(schedule, zone, error) from error
    return minutes, [timedelta(seconds=second) for second in seconds]


def _utc(moments: CronSim) -> Iterator[datetime]:
    return (moment.astimezone(UTC) for moment in moments)


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)
