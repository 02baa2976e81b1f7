"""An artifact is asked for: its row and its job, in one transaction; those of the crontab once a slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.broker.recorder import NewJob
from app.clock import to_ms
from app.domains.publishers.every import for_every_publisher
from app.domains.publishers.periods import Period, day_here, due_there, period_before
from app.jobs.enqueue import enqueue_with
from app.models.export import Export
from app.models.publisher import Publisher
from app.models.report import Report

A = TypeVar("A", Export, Report)
Cadence = Literal["weekly", "monthly"]
#: Makes a publisher's artifact with this id, of this period, whose job is due in so many ms.
Scheduled = Callable[[Publisher, str, Period, int], tuple[A, NewJob]]


def add_pending(session: Session, artifact: A, job: NewJob) -> A:
    """Its job is added when the session commits."""
    session.add(artifact)
    enqueue_with(session, [job])
    return artifact


def promise_once(kind: type[A], cadence: Cadence, slot: datetime, scheduled: Scheduled[A]) -> int:
    """Each publisher's last whole week or month, at the slot's time there; returns how many are new.

    The same slot promises them once: it is a part of their ids.
    """
    period = period_before(cadence, day_here(slot))

    def promise(session: Session, publishers: Sequence[Publisher]) -> int:
        by_id = {f"{cadence}-{slot:%Y%m%d}-{publisher.id}": publisher for publisher in publishers}
        taken = set(session.scalars(select(kind.id).where(kind.id.in_(by_id))))
        new = [
            scheduled(publisher, key, period, to_ms(due_there(slot, publisher.timezone)) - to_ms(slot))
            for key, publisher in by_id.items()
            if key not in taken
        ]
        session.add_all(artifact for artifact, _ in new)
        enqueue_with(session, [job for _, job in new])
        return len(new)

    return for_every_publisher(promise)
