"""How old something must be, as an operator writes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGE = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def moment(text: str, now: datetime) -> datetime:
    """The moment that many minutes, hours, days or weeks before ``now`` (``90m``, ``12h``, ``30d``, ``4w``).

    Or the one that ISO 8601 names (``2026-01-31``, ``2026-01-31T06:00:00Z``), in UTC if it names no zone; never one
    after ``now``. Raises ValueError.
    """
    if age := _AGE.fullmatch(text):
        return now - int(age[1]) * _UNITS[age[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("give an age such as '30d', '12h' or '90m', or a date such as '2026-01-31'") from None
    return min(at if at.tzinfo else at.replace(tzinfo=UTC), now)
