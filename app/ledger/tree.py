"""The flow that a job belongs to, from its rows: the jobs above it, and those that it waits for, and theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.broker.keys import QueueKeys
from app.models.job_status import JobStatus

#: A larger flow is shown this far.
MOST_ROWS = 200
DEEPEST = 10


@dataclass(slots=True)
class Node:
    """A job and its children."""

    row: JobStatus
    children: list[Node] = field(default_factory=list)


def tree_of(session: Session, row: JobStatus, prefix: str) -> Node | None:
    """The whole flow, from its root; None for a job that belongs to none."""
    root = Node(_root(session, row, prefix))
    level, rows = [root], 1
    for _ in range(DEEPEST):
        found = _children(session, [node.row for node in level], prefix, MOST_ROWS - rows)
        for node in level:
            node.children = [Node(child) for child in found[_key(node.row, prefix)]]
        level = [child for node in level for child in node.children]
        rows += len(level)
        if not level or rows >= MOST_ROWS:
            break
    return root if root.children or root.row.id != row.id else None


def _root(session: Session, row: JobStatus, prefix: str) -> JobStatus:
    for _ in range(DEEPEST):
        queue_key, _, job_id = (row.parent_key or "").rpartition(":")
        queue = queue_key.removeprefix(f"{prefix}:")
        above = select(JobStatus).where(JobStatus.job_id == job_id, JobStatus.queue == queue)
        parent = session.scalar(above.order_by(JobStatus.id.desc()).limit(1)) if queue_key else None
        if parent is None:
            break
        row = parent
    return row


def _children(
    session: Session, parents: Sequence[JobStatus], prefix: str, most: int
) -> defaultdict[str, list[JobStatus]]:
    """By their parent's key; a child is never older than its parent, whose id can come again."""
    born = {_key(parent, prefix): parent.added_ms for parent in parents}
    found: defaultdict[str, list[JobStatus]] = defaultdict(list)
    rows = select(JobStatus).where(JobStatus.parent_key.in_(born)).order_by(JobStatus.id).limit(max(most, 0))
    for row in session.scalars(rows):
        if row.parent_key is not None and row.added_ms >= born[row.parent_key]:
            found[row.parent_key].append(row)
    return found


def _key(row: JobStatus, prefix: str) -> str:
    return QueueKeys(prefix, row.queue)[row.job_id]
