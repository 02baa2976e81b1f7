"""Days, weeks and months of the calendar, as reports and scheduled exports cover them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.models.report import ReportType
from app.settings import settings

DAY = timedelta(days=1)


class Period(NamedTuple):
    """Days, both included."""

    first: date
    last: date


def period_of(kind: ReportType, day: date) -> Period:
    """The day itself, its week from Monday to Sunday, or its month."""
    match kind:
        case "daily":
            return Period(day, day)
        case "weekly":
            first = day - day.weekday() * DAY
            return Period(first, first + 6 * DAY)
        case "monthly":
            first = day.replace(day=1)
            return Period(first, (first + 31 * DAY).replace(day=1) - DAY)


def period_before(kind: ReportType, day: date) -> Period:
    """The whole one before that day's."""
    return period_of(kind, period_of(kind, day).first - DAY)


def day_here(slot: datetime) -> date:
    """The day that our clock shows at the slot: eight o'clock in Tokyo is still the day before in UTC."""
    return slot.astimezone(ZoneInfo(settings().timezone)).date()


def due_there(slot: datetime, zone: str) -> datetime:
    """When the clock on a publisher's wall shows what ours shows at the slot, in UTC; not before the slot.

    What is over here may not be over there: Monday begins in Tokyo, and in New York fourteen hours later.
    """
    here = slot.astimezone(ZoneInfo(settings().timezone))
    return max(here.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC), slot)
