"""How the engine's jobs and claims become rows, and rows jobs again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, FromClause, Table, and_, select

from app.broker.job import Malformed
from app.broker.recorder import Claim, NewJob, Parent
from app.clock import from_ms
from app.ledger.batch import clean
from app.models.job_attempt import JobAttempt
from app.models.job_status import KEY_LENGTH, JobStatus, Status

#: What foreign producers may write as a timestamp is cut to the years that a datetime has.
LAST_MS = 253_402_300_799_000
LARGEST = 2**63 - 1

job_status = cast("Table", JobStatus.__table__)
job_attempt = cast("Table", JobAttempt.__table__)
JOB = job_status.c

#: What names a job for ever (R1).
KEY = (JOB.queue, JOB.job_id, JOB.added_ms)
#: What a promise fixes; runs never change it.
PROMISED = (
    *(*KEY, JOB.promise_key, JOB.parent_key, JOB.name, JOB.user_id),
    *(JOB.data, JOB.opts, JOB.priority, JOB.delay_ms, JOB.attempts),
)
#: What a new row has besides.
STANDING = (JOB.status, JOB.queued_at, JOB.due_at, JOB.confirmed_at)
COUNTS = (JOB.run, JOB.step, JOB.attempts_made, JOB.crashes, JOB.repairs)
NEW = (*PROMISED, *STANDING, *COUNTS)

Key = tuple[str, str, int]


def key_of(job: NewJob | Claim) -> Key:
    """The job's key as its row holds it."""
    return clean(job.queue), clean(job.id), job.added_ms


def keyed(job: NewJob | Claim) -> dict[str, Any]:
    """The same, for a batch."""
    return {"queue": job.queue, "job_id": job.id, "added_ms": job.added_ms}


def same_key(batch: FromClause) -> ColumnElement[bool]:
    """The rows of a batch that has the key's columns."""
    return and_(*(column == batch.c[column.key] for column in KEY))


def id_of(keys: FromClause) -> ColumnElement[int]:
    """The id of each key's row, by the index; NULL where there is none."""
    known = job_status.alias("known")
    named = and_(*(known.c[column.key] == keys.c[column.key] for column in KEY))
    return select(known.c.id).where(named).correlate(keys).scalar_subquery()


def has_storable_key(job: NewJob | Claim) -> bool:
    """Whether the table can hold its key: ids and times may be anybody's."""
    return len(job.id) <= KEY_LENGTH and len(job.queue) <= KEY_LENGTH and abs(job.added_ms) <= LARGEST


def promised(job: NewJob) -> dict[str, Any]:
    """The row of a job that is about to be added. Raises ValueError for a key that is too long."""
    if not has_storable_key(job) or len(job.promise_key or "") > KEY_LENGTH:
        raise ValueError(f"job id {job.id[:64]!r}… is too long: {len(job.id)} characters, {KEY_LENGTH} are allowed")
    return {
        **_identity(job),
        "promise_key": job.promise_key,
        "priority": job.priority,
        "delay_ms": job.delay_ms,
        "status": Status.DELAYED if job.delay_ms else Status.WAITING,
        "due_at": moment(job.added_ms + job.delay_ms) if job.delay_ms else None,
    }


def first_seen(claim: Claim) -> dict[str, Any]:
    """The row of a job that somebody else has added, now that it is about to start."""
    return {**_identity(claim), "status": Status.WAITING, "confirmed_at": moment(claim.claimed_ms)}


def new_job(row: Any) -> NewJob:
    """The job to add for a row, as it was promised: the same id, time and delay."""
    return NewJob(
        queue=row.queue,
        id=row.job_id,
        name=row.name,
        data=row.data,
        added_ms=row.added_ms,
        attempts=row.attempts,
        delay_ms=row.delay_ms,
        priority=row.priority,
        opts=row.opts,
        promise_key=row.promise_key,
        parent=_parent(row.parent_key),
    )


@lru_cache(maxsize=1024)
def moment(ms: int) -> datetime:
    """The time of a millisecond count, which may be anybody's."""
    return from_ms(min(max(ms, 0), LAST_MS))


def _identity(job: NewJob | Claim) -> dict[str, Any]:
    return {
        **keyed(job),
        "name": job.name,
        "parent_key": _parent_key(job.opts),
        "user_id": _user_of(job.data),
        # Data that are no JSON are kept as the text that they were.
        "data": job.data.text if isinstance(job.data, Malformed) else job.data,
        "opts": dict(job.opts),
        "attempts": min(job.attempts, LARGEST),
        "queued_at": moment(job.added_ms),
        **dict.fromkeys(("priority", "delay_ms", "run", "step", "attempts_made", "crashes", "repairs"), 0),
    }


def _parent_key(opts: Mapping[str, Any]) -> str | None:
    """Whose child it is, as BullMQ's flows say it; options may be anybody's."""
    parent = opts.get("parent")
    if not isinstance(parent, Mapping) or not {"id", "queue"} <= parent.keys():
        return None
    key = f"{parent['queue']}:{parent['id']}"
    return key if len(key) <= 3 * KEY_LENGTH else None


def _parent(key: str | None) -> Parent | None:
    queue_key, _, job_id = (key or "").rpartition(":")
    return Parent(job_id, queue_key) if queue_key else None


def _user_of(data: Any) -> str | None:
    """Whose job it is, if its data say so."""
    user_id = data.get("user_id") if isinstance(data, Mapping) else None
    return user_id if isinstance(user_id, str) and len(user_id) <= KEY_LENGTH else None
