"""What a job is counted as: as few names as there are jobs, whatever others call theirs."""

from __future__ import annotations

from typing import Any

from app.jobs.catalog import (
    ADD_RECURRING_JOB,
    PROMISE_DAILY_UPDATES,
    PROMISE_WEEKLY_UPDATES,
    RUN_ENTRY,
    SPECS,
    default_actors,
)

#: These run entries of the crontab, and are counted as the entry that stands in their data.
RUNS_ENTRIES = frozenset(
    spec.name for spec in (RUN_ENTRY, PROMISE_DAILY_UPDATES, PROMISE_WEEKLY_UPDATES, ADD_RECURRING_JOB)
)
OTHER = "other"


def label(queue: str, name: str, data: Any) -> str:
    """An entry's id, a name of the catalog, that of the job which takes any name, or ``other``."""
    if name in RUNS_ENTRIES:
        entry = data.get("entry") if isinstance(data, dict) else None
        return entry if isinstance(entry, str) and len(entry) <= 64 else name
    return name if name in SPECS else default_actors().get(queue, OTHER)
