"""Jobs found by what somebody knows of them. Every statement walks an index, or the newest few thousand of one user."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from app.models.job_status import JobStatus, Status

QUALIFIERS = ("queue", "state", "user", "job", "error")
#: Of one user, the newest jobs that are looked through for a state, a queue or an error.
MOST_OF_USER = 5_000
MOST_OF_ID = 50
_PART = re.compile(r'(?:(\w+):)?(?:"([^"]*)"|(\S+))')
#: What the pages call a status, beside its own name.
_MEANT = {"retrying": Status.DELAYED, "running": Status.ACTIVE}
ENDS = frozenset({Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CANCELLED, Status.REMOVED})


class UnknownState(ValueError):
    """No job is ever in this state."""

    def __init__(self, state: str) -> None:
        super().__init__(f"no state {state[:64]!r}; known states: {', '.join(Status)}")


@dataclass(frozen=True, slots=True)
class Query:
    """``user:7 state:failed no order`` as it is meant: what is qualified, and the words that are not."""

    words: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Status | None:
        """The status that is asked for. Raises UnknownState."""
        name = self.given.get("state", "").lower()
        if not name:
            return None
        try:
            return _MEANT.get(name) or Status(name)
        except ValueError:
            raise UnknownState(name) from None


def parse(text: str) -> Query:
    """What follows a qualifier goes up to the next space, or is quoted; of the same one twice the last counts."""
    given: dict[str, str] = {}
    words: list[str] = []
    for qualifier, quoted, plain in _PART.findall(text):
        value = quoted or plain
        if qualifier.lower() in QUALIFIERS:
            given[qualifier.lower()] = value
        else:
            words.append(f"{qualifier}:{value}" if qualifier else value)
    return Query(" ".join(words), given)


def named(session: Session, job_id: str) -> Sequence[JobStatus]:
    """The newest jobs of that id, in whatever queue."""
    found = select(JobStatus).where(JobStatus.job_id == job_id).order_by(JobStatus.id.desc()).limit(MOST_OF_ID)
    return session.scalars(found).all()


def of_user(query: Query, user_id: str, limit: int, before: int | None = None) -> Select[JobStatus]:
    """A user's jobs, the newest first, narrowed by what else is asked for. Raises UnknownState."""
    newest = select(JobStatus).where(JobStatus.user_id == user_id).order_by(JobStatus.id.desc())
    newest = newest if before is None else newest.where(JobStatus.id < before)
    if not (query.given.keys() - {"user"}):
        return newest.limit(limit)
    job = aliased(JobStatus, newest.limit(MOST_OF_USER).subquery())
    narrowed = select(job).order_by(job.id.desc()).limit(limit)
    if query.state is not None:
        narrowed = narrowed.where(job.status == query.state)
    if queue := query.given.get("queue"):
        narrowed = narrowed.where(job.queue == queue.replace(":", "-"))
    if error := query.given.get("error"):
        narrowed = narrowed.where(func.lower(job.error).contains(error.lower(), autoescape=True))
    return narrowed


def in_state(state: Status, limit: int, after: tuple[datetime, int] | None = None) -> Select[JobStatus]:
    """Jobs of that status in all queues: the ended ones latest first, the others newest first.

    ``after`` is the end (any moment for one that has none) and the id of the last of the page before.
    """
    jobs = select(JobStatus).where(JobStatus.status == state).limit(limit)
    if state not in ENDS:
        # Of those that have not ended, the index has all the ends NULL, and then the ids.
        jobs = jobs.where(JobStatus.ended_at.is_(None)).order_by(JobStatus.id.desc())
        return jobs if after is None else jobs.where(JobStatus.id < after[1])
    jobs = jobs.where(JobStatus.ended_at.is_not(None)).order_by(JobStatus.ended_at.desc(), JobStatus.id.desc())
    return jobs if after is None else jobs.where(*_behind(*after))


def _behind(at: datetime, last: int) -> tuple[ColumnElement[bool], ...]:
    """The first condition is a range of the index, the second puts equals in their order."""
    return JobStatus.ended_at <= at, (JobStatus.ended_at < at) | (JobStatus.id < last)
