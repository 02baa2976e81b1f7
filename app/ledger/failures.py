"""What failed, by its error: groups, their failed jobs, the users hit. Keyset pages and capped counts throughout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, Subquery, func, literal_column, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.broker.listing import InvalidCursor
from app.clock import EPOCH
from app.models.error_group import ErrorGroup
from app.models.job_status import JobStatus

#: A count that has come this far says "or more": nobody waits for the rest.
MOST_COUNTED = 10_000
_CURSOR = re.compile(r"(\d{1,17})-([0-9A-Za-z]{1,20})")
_MICROSECOND = timedelta(microseconds=1)
#: Written out, not bound: else the plan could not use the index of grouped failures.
_FAILED: ColumnElement[bool] = literal_column("job_status.status = 'failed'")


class GroupNotFound(LookupError):
    """No error has this signature."""

    def __init__(self, group: str) -> None:
        super().__init__(f"no failures have the signature {group[:64]!r}")


@dataclass(frozen=True, slots=True)
class Count:
    """``capped``: there are at least so many."""

    number: int
    capped: bool


def find_group(session: Session, group: str) -> ErrorGroup:
    """The group. Raises GroupNotFound."""
    found = session.get(ErrorGroup, group)
    if found is None:
        raise GroupNotFound(group)
    return found


def groups(limit: int, cursor: str | None = None, *, text: str | None = None) -> Select[ErrorGroup]:
    """The groups, the last seen first; on request those whose class, message or newest error holds that text.

    Raises InvalidCursor.
    """
    found = select(ErrorGroup).order_by(ErrorGroup.last_seen_at.desc(), ErrorGroup.id.desc()).limit(limit)
    if text:
        texts = (ErrorGroup.error_class, ErrorGroup.message, ErrorGroup.sample)
        found = found.where(func.lower(_joined(texts)).contains(text.lower(), autoescape=True))
    if cursor is None:
        return found
    at, last = _read(cursor)
    return found.where(tuple_(ErrorGroup.last_seen_at, ErrorGroup.id) < tuple_(at, last))


def failed_jobs(group: str, limit: int, cursor: str | None = None) -> Select[JobStatus]:
    """The jobs that are failed with this error now, the latest end first. Raises InvalidCursor."""
    found = select(JobStatus).where(*_of(group)).order_by(JobStatus.ended_at.desc(), JobStatus.id.desc()).limit(limit)
    if cursor is None:
        return found
    at, last = place_of(cursor)
    return found.where(JobStatus.ended_at <= at, tuple_(JobStatus.ended_at, JobStatus.id) < tuple_(at, last))


def count_failed(session: Session, group: str, most: int = MOST_COUNTED) -> Count:
    """How many jobs are failed with this error now: the length of ``failed_jobs``, if it is not too long."""
    some = select(JobStatus.id).where(*_of(group)).limit(most + 1).subquery()
    number = session.scalar(select(func.count(some.c.id))) or 0
    return Count(min(number, most), number > most)


def users_hit(group: str, limit: int) -> Select[str, int]:
    """Users among the latest 10,000 failed jobs of the group, and how many jobs each: the most first."""
    of_users = _latest(group)
    jobs = func.count()
    found = select(of_users.c.user_id, jobs).where(of_users.c.user_id.is_not(None)).group_by(of_users.c.user_id)
    return found.order_by(jobs.desc(), of_users.c.user_id).limit(limit)


def count_users(session: Session, group: str, most: int = MOST_COUNTED) -> int:
    """How many users are among the latest failed jobs of the group, so many at most."""
    return session.scalar(select(func.count(func.distinct(_latest(group, most).c.user_id)))) or 0


def cursor_of_group(page: Sequence[ErrorGroup], limit: int) -> str | None:
    """Where the next page begins; None if this one was not full."""
    return _write(page[-1].last_seen_at, page[-1].id) if len(page) == limit else None


def cursor_of_job(page: Sequence[JobStatus], limit: int) -> str | None:
    """Where the next page begins; None if this one was not full."""
    return cursor_at(page[-1]) if len(page) == limit else None


def cursor_at(job: JobStatus) -> str:
    """Where the page behind that job begins."""
    return _write(job.ended_at or EPOCH, str(job.id))


def place_of(cursor: str) -> tuple[datetime, int]:
    """The end and the id that the cursor of a job says. Raises InvalidCursor."""
    at, last = _read(cursor)
    if not last.isdecimal():
        raise InvalidCursor(cursor)
    return at, int(last)


def _of(group: str) -> tuple[ColumnElement[bool], ...]:
    return _FAILED, JobStatus.error_group == group


def _latest(group: str, most: int = MOST_COUNTED) -> Subquery:
    latest = select(JobStatus.user_id).where(*_of(group))
    return latest.order_by(JobStatus.ended_at.desc(), JobStatus.id.desc()).limit(most).subquery()


def _joined(texts: Sequence[InstrumentedAttribute[str]]) -> ColumnElement[str]:
    first, *others = texts
    joined: ColumnElement[str] = first + ""
    for text in others:
        joined = joined + " " + text
    return joined


def _write(at: datetime, last: str) -> str:
    return f"{(at - EPOCH) // _MICROSECOND}-{last}"


def _read(cursor: str) -> tuple[datetime, str]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidCursor(cursor)
    try:
        return EPOCH + int(found[1]) * _MICROSECOND, found[2]
    except OverflowError:
        raise InvalidCursor(cursor) from None
