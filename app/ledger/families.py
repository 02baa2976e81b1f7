"""Which rows belong to one flow: a job, the jobs that it waits for, and theirs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from app.broker.keys import QueueKeys
from app.broker.recorder import Parent
from app.ledger.batch import batch
from app.ledger.repairs import FOUND, OpenRow, seen
from app.ledger.rows import JOB, PROMISED, job_status
from app.models.job_status import Status

OPEN = (Status.WAITING, Status.DELAYED, Status.ACTIVE)


def parents_among(connection: Connection, keys: Collection[str]) -> set[str]:
    """Which of these Redis keys are of jobs that have children on record."""
    rows = batch(connection, [JOB.parent_key], [{"parent_key": key} for key in keys])
    children = select(JOB.parent_key).join(rows, JOB.parent_key == rows.c.parent_key)
    return set(connection.execute(children.where(JOB.status != Status.REMOVED).distinct()).scalars())


def children_of(connection: Connection, parents: Sequence[OpenRow], prefix: str) -> list[OpenRow]:
    """Their children, those too that have ended, but not those that were removed: nobody waits for these.

    An id can come again; a child is never older than its parent.
    """
    born = {key_of(parent, prefix): parent.job.added_ms for parent in parents}
    rows = batch(connection, [JOB.parent_key], [{"parent_key": key} for key in born])
    found = select(*FOUND, JOB.queued_at, *PROMISED).join(rows, JOB.parent_key == rows.c.parent_key)
    children = connection.execute(found.where(JOB.status != Status.REMOVED).order_by(JOB.id)).all()
    return [seen(row) for row in children if row.added_ms >= born[row.parent_key]]


def lost_parent(connection: Connection, parent: Parent, prefix: str) -> OpenRow | None:
    """The parent's row, if it is open, and Redis is not known to have it."""
    queue = parent.queue_key.removeprefix(f"{prefix}:")
    rows = select(*FOUND, JOB.queued_at, *PROMISED).where(JOB.job_id == parent.id, JOB.queue == queue)
    lost = rows.where(JOB.ended_at.is_(None), JOB.confirmed_at.is_(None)).order_by(JOB.id.desc())
    row = connection.execute(lost.limit(1)).first()
    return None if row is None else seen(row)


def unsettle(connection: Connection, ended: Sequence[OpenRow]) -> None:
    """Redis is to hear of these ends once more: the next claim settles each from its row (R6)."""
    rows = batch(connection, [JOB.id, JOB.run], [{"id": one.id, "run": one.run} for one in ended])
    same = (JOB.id == rows.c.id, JOB.run == rows.c.run, JOB.ended_at.is_not(None))
    connection.execute(update(job_status).where(*same).values(settled_at=None))


def key_of(row: OpenRow, prefix: str) -> str:
    """The job's key in Redis, by which its children know it."""
    return QueueKeys(prefix, row.job.queue)[row.job.id]


def is_open(row: OpenRow) -> bool:
    """Whether it had not ended when it was seen."""
    return row.status in OPEN


def remaining_ms(row: OpenRow, now: datetime) -> int:
    """How long a parent still has to wait once its children have ended: BullMQ counts its delay from there."""
    if row.run == 0:
        return int(row.job.opts.get("delay") or 0)
    due_ms = row.job.added_ms + row.job.delay_ms
    return max(due_ms - int(now.timestamp() * 1000), 0) if row.job.delay_ms else 0
