"""Hours, days, weeks and months as a publisher's own clock has them, as moments in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from app.models.rollup import Granularity

DAY = timedelta(days=1)
_STEPS = {"hour": timedelta(hours=1), "day": DAY, "week": 7 * DAY}


@dataclass(frozen=True, slots=True)
class Bucket:
    """The moments in ``[starts_at, ends_at)``, both in UTC."""

    starts_at: datetime
    ends_at: datetime

    def wall(self, zone: str) -> datetime:
        """What the clock there shows as it begins."""
        return self.starts_at.astimezone(ZoneInfo(zone))


def buckets(granularity: Granularity, first: date, last: date, zone: str) -> list[Bucket]:
    """Every bucket that has a part in these local days, both included: weeks and months are whole ones.

    Each begins when the clock on the wall first shows its time. So an hour that comes twice is one bucket of two hours,
    one that is skipped is none, and the days on which clocks change have 23 or 25 hours.
    """
    there = ZoneInfo(zone)
    starts = [wall.replace(tzinfo=there).astimezone(UTC) for wall in _walls(granularity, first, last)]
    return [Bucket(start, end) for start, end in pairwise(starts) if start < end]


def bucket_at(granularity: Granularity, moment: datetime, zone: str) -> Bucket:
    """The one that holds this moment."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    return next(one for one in buckets(granularity, day, day, zone) if one.starts_at <= moment < one.ends_at)


def bucket_before(granularity: Granularity, bucket: Bucket, zone: str) -> Bucket:
    """The one that ends where this begins."""
    return bucket_at(granularity, bucket.starts_at - timedelta(microseconds=1), zone)


def _walls(granularity: Granularity, first: date, last: date) -> Iterator[datetime]:
    """The local beginnings, and the end of the last."""
    wall = datetime.combine(_begin(granularity, first), time.min)
    end = datetime.combine(last, time.min) + DAY
    while wall < end:
        yield wall
        wall = _next(granularity, wall)
    yield wall


def _begin(granularity: Granularity, day: date) -> date:
    match granularity:
        case "week":
            return day - day.weekday() * DAY
        case "month":
            return day.replace(day=1)
    return day


def _next(granularity: Granularity, wall: datetime) -> datetime:
    if granularity == "month":
        return (wall + 31 * DAY).replace(day=1)
    return wall + _STEPS[granularity]
