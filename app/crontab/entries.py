"""The crontab: what the code says, and the table that a running system goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Select, Table, select, update
from sqlalchemy.orm import Session

from app.crontab.slots import CatchUp
from app.jobs.catalog import PROMISE_DAILY_UPDATES, PROMISE_WEEKLY_UPDATES, JobSpec
from app.jobs.payloads import Slot
from app.ledger.batch import insert_missing
from app.models.crontab_cursor import CrontabCursor
from app.models.crontab_entry import CrontabEntry


@dataclass(frozen=True, slots=True)
class Entry:
    """A schedule as the code gives it."""

    id: str
    title: str
    schedule: str
    job: JobSpec[Slot]
    timezone: str = "UTC"
    catch_up: CatchUp = "all"

    def fields(self) -> dict[str, Any]:
        """What the table holds of it."""
        return {
            "title": self.title,
            "schedule": self.schedule,
            "timezone": self.timezone,
            "job": self.job.name,
            "catch_up": self.catch_up,
        }


#: Users' slots are anchored in UTC, whatever TIMEZONE shows them in (C34): else a DST change would make 23 h of 24.
ENTRIES = (
    Entry("dailyUpdates", "Daily Updates", "0 * * * *", PROMISE_DAILY_UPDATES),
    Entry("weeklyUpdates", "Weekly Updates", "0 0 * * *", PROMISE_WEEKLY_UPDATES),
)


def sync(session: Session, now: datetime) -> None:
    """Bring the table up to the code. A new entry begins now: it has no past to catch up with."""
    known = {entry.id: entry for entry in session.scalars(select(CrontabEntry))}
    for entry in ENTRIES:
        row = known.get(entry.id)
        if row is None:
            _add(session.connection(), entry, now)
        elif any(getattr(row, name) != value for name, value in entry.fields().items()):
            changed = {**entry.fields(), "version": CrontabEntry.version + 1}
            session.execute(update(CrontabEntry).where(CrontabEntry.id == entry.id).values(changed))


def enabled() -> Select[CrontabEntry]:
    """The entries that a tick looks at."""
    return select(CrontabEntry).where(CrontabEntry.enabled).order_by(CrontabEntry.id)


def is_current(session: Session, entry_id: str, version: int) -> bool:
    """Whether a run that was added under this version may go ahead: an edit or a stop cancels it (R23)."""
    entry = session.get(CrontabEntry, entry_id)
    return entry is not None and entry.enabled and entry.version == version


def cursor(session: Session, entry_id: str) -> datetime:
    """Up to where the entry's slots have been added."""
    return session.get_one(CrontabCursor, entry_id).added_until


def advance(session: Session, entry_id: str, seen: datetime, to: datetime) -> bool:
    """Move the cursor in the caller's transaction; False if another producer has moved it since it was seen."""
    mine = (CrontabCursor.entry_id == entry_id, CrontabCursor.added_until == seen)
    moved = update(CrontabCursor).where(*mine).values(added_until=to).returning(CrontabCursor.entry_id)
    return session.execute(moved).first() is not None


def _add(connection: Connection, entry: Entry, now: datetime) -> None:
    row = {"id": entry.id, **entry.fields(), "enabled": 1, "version": 1}
    begun = {"entry_id": entry.id, "added_until": now}
    for model, fields in ((CrontabEntry, row), (CrontabCursor, begun)):
        table = cast("Table", model.__table__)
        connection.execute(insert_missing(connection, table, list(table.c), [fields]))
