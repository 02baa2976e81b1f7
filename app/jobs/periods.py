"""A period as a caller writes it: an hour, a day, a week or a month of somebody's calendar."""

from __future__ import annotations

import re
from datetime import date, datetime, time

from app.models.rollup import Granularity

_FORMS: tuple[tuple[re.Pattern[str], Granularity, str], ...] = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d"), "hour", ""),
    (re.compile(r"\d{4}-\d\d-\d\d"), "day", ""),
    (re.compile(r"\d{4}-W\d\d"), "week", ""),
    (re.compile(r"\d{4}-\d\d"), "month", "-01"),
)


def read_period(text: str) -> tuple[Granularity, datetime]:
    """What kind it is, and the time on the wall at which it begins. Raises ValueError."""
    for form, granularity, rest in _FORMS:
        if form.fullmatch(text):
            begin = datetime if granularity == "hour" else date
            try:
                found = begin.fromisoformat(text + rest)
            except ValueError:
                break
            return granularity, found if isinstance(found, datetime) else datetime.combine(found, time.min)
    raise ValueError("give an hour '2026-01-31T09', a day '2026-01-31', a week '2026-W05' or a month '2026-01'")
