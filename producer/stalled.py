"""The producer's keeper looks for stalled jobs in every queue that has running ones.

A keeper may look once it has been punctual for a whole lease (R20). Where hosts are lost faster than that, no worker's
keeper gets so far; the producer's has a long life.
"""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import select

from app import db
from app.models.job_status import JobStatus, Status


class Watcher(Protocol):
    """Whoever has a keeper: ``Leases``."""

    def watch(self, queue: str) -> None:
        """Let the keeper look there from now on."""


class StalledWatch:
    """Each queue is named to the keeper once. Call it in the process whose keeper that is."""

    def __init__(self) -> None:
        self._watched: set[str] = set()

    def __call__(self, leases: Watcher) -> None:
        """Name the queues that are new."""
        running = select(JobStatus.queue).where(JobStatus.status == Status.ACTIVE, JobStatus.ended_at.is_(None))
        with db.reading() as session:
            queues = set(session.scalars(running.distinct()))
        for queue in sorted(queues - self._watched):
            leases.watch(queue)
            self._watched.add(queue)
