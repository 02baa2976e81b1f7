"""The crontab's table: what the code says, what operators have changed of it, and what the API has added.

The code gives every field its value. A field that an operator has changed stays as they left it, through restarts and
later deploys, until they restore it: they knew the system that was running, the deploy did not. A deploy's other
changes arrive. Which fields are theirs stands in ``overridden``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from pydantic import field_validator
from sqlalchemy import Table, delete, select, update
from sqlalchemy.orm import Session

from app.crontab.code import Job, jobs, scheduled_jobs
from app.crontab.cron import is_slot
from app.crontab.fields import EntryId, Fields
from app.ledger import audit
from app.ledger.batch import insert_missing
from app.models.crontab_cursor import CrontabCursor
from app.models.crontab_entry import CrontabEntry
from app.settings import settings

CODE, API = "code", "api"


class EntryNotFound(LookupError):
    """The crontab has no such entry."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no entry {name!r} in the crontab")


class EntryExists(ValueError):
    """The id is taken."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"the crontab has an entry {entry_id!r} already; change it, or take another id")


class EntryOfCode(ValueError):
    """What the code brings cannot be removed: the next start would bring it back."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"entry {entry_id!r} comes with the code; stop it instead")


class NewEntry(Fields):
    """An entry made at run time: a job of the code under an id, a schedule and data of its own."""

    id: EntryId
    job: str

    @field_validator("job")
    @classmethod
    def _has_a_body(cls, name: str) -> str:
        if name not in jobs():
            raise ValueError(f"no job named {name!r}; known jobs: {', '.join(sorted(jobs()))}")
        return name


# --- the code's part


def sync(session: Session, now: datetime) -> None:
    """Bring the table up to the code. A new entry begins now: it has no past to catch up with."""
    known = {entry.id: entry for entry in session.scalars(select(CrontabEntry))}
    for job in scheduled_jobs():
        row = known.get(job.name)
        if row is None:
            _insert(session, {"id": job.name, "source": CODE, **job.fields()}, now)
        elif row.source == CODE and _of_code(job, row) != _held(row, _of_code(job, row)):
            _lock(session, row)  # an operator may be changing it
            _write(session, row, _of_code(job, row), now)


# --- the operators' part


def create(session: Session, new: NewEntry, *, by: str, at: datetime, why: str | None = None) -> CrontabEntry:
    """Add an entry. Its first slot is the first after now. Raises EntryExists, and what its job says of the data."""
    _check_data(new.job, new.data)
    fields = {**new.model_dump(), "source": API, "changed_by": by, "changed_at": at}
    if not _insert(session, fields, at):
        raise EntryExists(new.id)
    audit.record(session, by, "entry.created", f"entry {new.id}", at=at, why=why, details=new.model_dump(mode="json"))
    return session.get_one(CrontabEntry, new.id)


def change(
    session: Session, entry_id: str, changes: dict[str, Any], *, by: str, at: datetime, why: str | None = None
) -> CrontabEntry:
    """Change some fields of an entry; they are the operator's from now on. Takes effect at the next tick.

    What was added under the old fields does not run, unless its slot is one of the new ones too. Started again, an
    entry begins now: what fell due while it was stopped is not caught up. Raises EntryNotFound, pydantic's
    ValidationError, which names the field, and what its job says of new data.
    """
    entry = _lock(session, find(session, entry_id))
    if "data" in changes:
        _check_data(entry.job, changes["data"])
    before = _fields_of(entry)
    checked = Fields.model_validate({**before, **changes})
    after = {name: getattr(checked, name) for name in changes}
    if not _write(session, entry, after, at):
        return entry
    entry.overridden = sorted({*entry.overridden, *changes})
    entry.changed_by, entry.changed_at = by, at
    difference = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    audit.record(session, by, "entry.changed", f"entry {entry.id}", at=at, why=why, details=difference)
    return entry


def restore(session: Session, entry_id: str, *, by: str, at: datetime, why: str | None = None) -> CrontabEntry:
    """Give an entry back to the code, every field. Raises EntryNotFound, also for one that the code does not bring."""
    entry = _lock(session, find(session, entry_id))
    if entry.id not in jobs() or entry.source != CODE:
        raise EntryNotFound(entry_id)
    given_back, entry.overridden = entry.overridden, []
    _write(session, entry, jobs()[entry.id].fields(), at)
    entry.changed_by, entry.changed_at = by, at
    audit.record(session, by, "entry.restored", f"entry {entry.id}", at=at, why=why, details=given_back)
    return entry


def remove(session: Session, entry_id: str, *, by: str, at: datetime, why: str | None = None) -> None:
    """Remove an entry that was made at run time. Raises EntryNotFound and EntryOfCode."""
    entry = find(session, entry_id)
    if entry.source == CODE:
        raise EntryOfCode(entry.id)
    session.execute(delete(CrontabCursor).where(CrontabCursor.entry_id == entry.id))
    session.execute(delete(CrontabEntry).where(CrontabEntry.id == entry.id))
    audit.record(session, by, "entry.removed", f"entry {entry.id}", at=at, why=why, details=_fields_of(entry))


# --- questions


def find(session: Session, name: str) -> CrontabEntry:
    """The entry with that id, or with that title in any case (C37). Raises EntryNotFound."""
    by_id = session.get(CrontabEntry, name)
    if by_id is not None:
        return by_id
    wanted = name.casefold()
    for entry in all_entries(session):
        if wanted in (entry.id.casefold(), entry.title.casefold()):
            return entry
    raise EntryNotFound(name)


def all_entries(session: Session) -> Sequence[CrontabEntry]:
    """The whole table, by id."""
    return session.scalars(select(CrontabEntry).order_by(CrontabEntry.id)).all()


def ticking(session: Session) -> list[CrontabEntry]:
    """The entries that a tick looks at: enabled, of this environment, and with a body in this process's code."""
    return [entry for entry in all_entries(session) if entry.enabled and is_ours(entry)]


def is_ours(entry: CrontabEntry) -> bool:
    """Whether this installation runs the entry at all: its environment is ours, and its body is in the code."""
    return entry.job in jobs() and (not entry.environments or settings().environment in entry.environments)


def runnable(session: Session, entry_id: str, slot: datetime, version: int) -> CrontabEntry | None:
    """The entry that a run of this slot, added under this version, is to go by; None if it is cancelled (R23).

    An edit cancels what was added before it, except where the new schedule has the very same slot: that job is the
    only one that the slot will get, and it runs under the new fields.
    """
    entry = session.get(CrontabEntry, entry_id)
    if entry is None or not entry.enabled or entry.job not in jobs():
        return None
    if entry.version == version or is_slot(entry.schedule, entry.timezone, slot):
        return entry
    return None


# --- the cursor


def cursor(session: Session, entry_id: str) -> datetime:
    """Up to where the entry's slots have been added."""
    return session.get_one(CrontabCursor, entry_id).added_until


def cursors(session: Session) -> dict[str, datetime]:
    """Those of all entries, by their ids."""
    return {one.entry_id: one.added_until for one in session.scalars(select(CrontabCursor))}


def advance(session: Session, entry: CrontabEntry, seen: datetime, to: datetime) -> bool:
    """Move the cursor in the caller's transaction; False if it, or the entry, has changed since they were seen."""
    as_seen = (CrontabCursor.added_until == seen, CrontabCursor.version == entry.version)
    moved = (
        update(CrontabCursor)
        .where(CrontabCursor.entry_id == entry.id, *as_seen)
        .values(added_until=to)
        .returning(CrontabCursor.entry_id)
    )
    return session.execute(moved).first() is not None


# --- writing


def _insert(session: Session, fields: dict[str, Any], now: datetime) -> bool:
    """Whether the entry is new."""
    row = {**fields, "overridden": [], "version": 1}
    begun = {"entry_id": row["id"], "added_until": now, "version": 1}
    is_new = False
    for model, values in ((CrontabEntry, row), (CrontabCursor, begun)):
        table = cast("Table", model.__table__)
        written = insert_missing(session.connection(), table, list(table.c), [values])
        is_new |= session.execute(written.returning(*table.primary_key)).first() is not None
    return is_new


def _write(session: Session, entry: CrontabEntry, values: dict[str, Any], now: datetime) -> bool:
    """Whether anything changed; then it is a new version, and its cursor is no further than now."""
    changed = {name: value for name, value in values.items() if getattr(entry, name) != value}
    if not changed:
        return False
    begins_now = changed.get("enabled", False)
    for name, value in changed.items():
        setattr(entry, name, value)
    entry.version += 1
    session.flush()
    row = session.get_one(CrontabCursor, entry.id, with_for_update=True)
    row.added_until = now if begins_now else min(row.added_until, now)
    row.version = entry.version
    session.flush()
    return True


def _check_data(name: str, data: dict[str, Any]) -> None:
    job = jobs().get(name)
    if job is not None and job.check_data is not None:
        job.check_data(data)


def _lock(session: Session, entry: CrontabEntry) -> CrontabEntry:
    session.refresh(entry, with_for_update=True)
    return entry


def _of_code(job: Job, row: CrontabEntry) -> dict[str, Any]:
    """The values that are the code's to give."""
    return {name: value for name, value in job.fields().items() if name not in row.overridden}


def _held(row: CrontabEntry, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _fields_of(entry: CrontabEntry) -> dict[str, Any]:
    return _held(entry, Fields.model_fields)
