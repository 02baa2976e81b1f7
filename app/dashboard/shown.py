"""Times, lengths and numbers as people read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from app.clock import utc_now
from app.domains.slots.due import next_daily, next_weekly
from app.jobs.personal import redacted
from app.models.job_status import JobStatus, Status
from app.models.schedule import UserUpdateSchedule
from app.settings import settings

NOTHING = Markup('<span class="nothing" title="never, or not known">–</span>')
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def ago(at: datetime | None) -> Markup:
    """``3 min ago``, ``in 2 h``; the script keeps it true. Its title is the moment in UTC."""
    return NOTHING if at is None else _time(at, relative(at, utc_now()), moves=True)


def clock(at: datetime | None) -> Markup:
    """``26 Nov 06:30:05`` in ``TIMEZONE``."""
    return NOTHING if at is None else _time(at, f"{_local(at):%d %b %H:%M:%S}")


def minute(at: datetime | None) -> Markup:
    """``Thu 26 Nov 06:30`` in ``TIMEZONE``."""
    return NOTHING if at is None else _time(at, f"{_local(at):%a %d %b %H:%M}")


def relative(at: datetime, now: datetime) -> str:
    """How far from now, in its largest unit."""
    seconds = abs((at - now).total_seconds())
    if seconds < 5:
        return "now"
    far = length(timedelta(seconds=seconds))
    return f"in {far}" if at > now else f"{far} ago"


def length(span: timedelta) -> str:
    """``45 s``, ``12 min``, ``26 h``, ``9 d``: one unit, rounded down, as the script does it."""
    seconds = int(span.total_seconds())
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < 2 * DAY:
        return f"{seconds // HOUR} h"
    return f"{seconds // DAY} d"


def took(ms: float | None) -> str | Markup:
    """``340 ms``, ``2.1 s``, ``4 min 05 s``, ``2 h 10 min``."""
    if ms is None:
        return NOTHING
    seconds = ms / 1_000
    if seconds < 1:
        return f"{ms:.0f} ms"
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    if seconds < HOUR:
        return f"{int(seconds) // MINUTE} min {int(seconds) % MINUTE:02} s"
    return f"{int(seconds) // HOUR} h {int(seconds) % HOUR // MINUTE:02} min"


def sentence(text: str) -> str:
    """With its first letter a capital; the rest, names and units, as it is."""
    return text[:1].upper() + text[1:]


def thousands(number: float | None) -> str | Markup:
    """``12,345``."""
    return NOTHING if number is None else f"{number:,}"


def megabytes(size: int | None) -> str | Markup:
    """``12 MB``, of bytes."""
    return NOTHING if size is None else f"{size / 1024**2:,.0f} MB"


def state(job: JobStatus) -> str:
    """Its status; one that failed and will run again is retrying (C15)."""
    return "retrying" if job.status == Status.DELAYED and job.attempts_made else job.status


def pretty(value: Any) -> str:
    """JSON to be read, without what is personal (C46)."""
    return json.dumps(redacted(value), indent=2, ensure_ascii=False, default=str)


def daily_at(schedule: UserUpdateSchedule) -> str:
    """``14:07`` in ``TIMEZONE``, of today: where clocks change it is another hour."""
    return f"{_local(next_daily(schedule.daily_update_hour, utc_now(), schedule.daily_minute)):%H:%M}"


def weekly_at(schedule: UserUpdateSchedule) -> str:
    """``Wed 03:12`` in ``TIMEZONE``."""
    return f"{_local(next_weekly(schedule.weekly_update_day, utc_now(), schedule.weekly_minute)):%a %H:%M}"


def _time(at: datetime, text: str, *, moves: bool = False) -> Markup:
    utc = at.astimezone(UTC)
    shown = Markup('<time datetime="{}" title="{} UTC" data-ago>{}</time>')
    still = Markup('<time datetime="{}" title="{} UTC">{}</time>')
    return (shown if moves else still).format(f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{utc:%Y-%m-%d %H:%M:%S}", text)


def _local(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(settings().timezone))


FILTERS: dict[str, Callable[..., Any]] = {
    "hide": redacted,
    "sentence": sentence,
    "ago": ago,
    "clock": clock,
    "minute": minute,
    "took": took,
    "thousands": thousands,
    "megabytes": megabytes,
    "state": state,
    "pretty": pretty,
    "daily_at": daily_at,
    "weekly_at": weekly_at,
}
