"""When a cron pattern is due next, as BullMQ reads patterns."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

NAMED = {
    "@secondly": "* * * * * *",
    "@minutely": "* * * * *",
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@weekdays": "0 0 * * 1-5",
    "@weekends": "0 0 * * 0,6",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def next_ms(pattern: str, after_ms: int, tz: str | None = None) -> int | None:
    """The first time of the pattern after that moment, in ms since the epoch; None if there is none within 50 years.

    Five fields (minute, hour, day of the month, month, day of the week), six with seconds first, or a name such as
    ``@daily``; ``tz`` is a zone's name, UTC where it is not given. When clocks change, a fixed hour that is skipped is
    due right after the gap, and one that comes twice is due once. Raises ValueError for a pattern or a zone that does
    not exist.
    """
    fields = _six_fields(pattern)
    zone = _zone(tz)
    # Only patterns of five fields know of clocks that change: one fixed second is added to their times.
    second = 0
    if fields[0].isdigit() and int(fields[0]) < 60:
        second = int(fields.pop(0))
    try:
        due = next(CronSim(" ".join(fields), datetime.fromtimestamp(after_ms / 1000 - second, zone)), None)
    except CronSimError as error:
        raise ValueError(f"cron pattern {pattern!r}: {error}; use 5 fields, or 6 with seconds first") from error
    return (int(due.timestamp()) + second) * 1000 if due else None


def _six_fields(pattern: str) -> list[str]:
    fields = NAMED.get(pattern.strip().lower(), pattern).replace("?", "*").split()
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise ValueError(f"cron pattern {pattern!r} has {len(fields)} fields; use 5 fields, or 6 with seconds first")
    # A day of the month and a day of the week are alternatives unless one of them is a plain star; cronsim would also
    # take a step for one.
    fields[3] = fields[3].replace("*/", "1-31/")
    fields[5] = fields[5].replace("*/", "0-6/")
    return fields


def _zone(tz: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(tz or "UTC")
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"no time zone named {tz!r}; use a name such as Europe/Madrid") from error
