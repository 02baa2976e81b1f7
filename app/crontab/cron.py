"""Cron expressions: five fields, or six with the seconds first (C16), in a time zone (C17)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import dropwhile, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError


class InvalidSchedule(ValueError):
    """No clock could follow this."""

    def __init__(self, schedule: str, zone: str, reason: object) -> None:
        super().__init__(f"schedule {schedule!r} in time zone {zone!r} is not valid: {reason}")


def slots_between(schedule: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """The moments of the schedule in ``(after, until]``, in order, in UTC. Raises InvalidSchedule."""
    moments = (moment.astimezone(UTC) for moment in _simulation(schedule, zone, after))
    later = dropwhile(lambda moment: moment <= after, moments)
    return takewhile(lambda moment: moment <= until, later)


def last_slot(schedule: str, zone: str, until: datetime) -> datetime | None:
    """The latest moment of the schedule at or before ``until``, in UTC. Raises InvalidSchedule."""
    just_after = until.replace(microsecond=0) + timedelta(seconds=1)
    moments = (moment.astimezone(UTC) for moment in _simulation(schedule, zone, just_after, reverse=True))
    return next((moment for moment in moments if moment <= until), None)


def _simulation(schedule: str, zone: str, start: datetime, *, reverse: bool = False) -> CronSim:
    try:
        return CronSim(schedule, start.astimezone(_zone(zone)), reverse=reverse)
    except (CronSimError, ZoneInfoNotFoundError) as error:
        raise InvalidSchedule(schedule, zone, error) from error


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)
