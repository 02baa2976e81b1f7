"""An export is asked for: its row and its job, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.broker.recorder import NewJob
from app.clock import to_ms
from app.domains.publishers.artifacts.files import kept_for
from app.domains.publishers.every import for_every_publisher
from app.domains.publishers.periods import day_here, due_there, period_before
from app.domains.publishers.priority import place
from app.jobs.catalog import EXPORT_DATA
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import ExportData, ExportRequest
from app.models.export import Export
from app.models.publisher import Publisher
from app.models.user import new_id


def ask(session: Session, publisher: Publisher, asked: ExportRequest, *, by: str, now: datetime) -> Export:
    """The pending export, whose job is added when the session commits."""
    export, job = _new(publisher, asked, new_id(), now, by=by)
    session.add(export)
    enqueue_with(session, [job])
    return export


def promise_exports(cadence: Literal["weekly", "monthly"], slot: datetime) -> int:
    """Each publisher's last whole week or month as CSV, at the slot's time there; returns how many.

    The same slot promises them once.
    """

    def promise(session: Session, publishers: Sequence[Publisher]) -> int:
        by_id = {f"{cadence}-{slot:%Y%m%d}-{publisher.id}": publisher for publisher in publishers}
        taken = set(session.scalars(select(Export.id).where(Export.id.in_(by_id))))
        new = [_scheduled(publisher, key, cadence, slot) for key, publisher in by_id.items() if key not in taken]
        session.add_all(export for export, _ in new)
        enqueue_with(session, [job for _, job in new])
        return len(new)

    return for_every_publisher(promise)


def _scheduled(
    publisher: Publisher, export_id: str, cadence: Literal["weekly", "monthly"], slot: datetime
) -> tuple[Export, NewJob]:
    first, last = period_before(cadence, day_here(slot))
    asked = ExportRequest(publisher_id=publisher.id, format="csv", start_date=first, end_date=last)
    delay_ms = to_ms(due_there(slot, publisher.timezone)) - to_ms(slot)
    return _new(publisher, asked, export_id, slot, delay_ms=delay_ms)


def _new(
    publisher: Publisher,
    asked: ExportRequest,
    export_id: str,
    now: datetime,
    *,
    by: str | None = None,
    delay_ms: int = 0,
) -> tuple[Export, NewJob]:
    data = ExportData(**dict(asked), job_id=export_id)
    job = new_job(EXPORT_DATA, data, delay_ms=delay_ms, priority=place(publisher), promise_key=f"export-{export_id}")
    export = Export(
        id=export_id,
        publisher_id=publisher.id,
        requested_by=by,
        job_id=job.id,
        state="pending",
        format=asked.format,
        start_on=asked.start_date,
        end_on=asked.end_date,
        filters=asked.filters.model_dump(mode="json", by_alias=True),
        created_at=now,
        expires_at=now + kept_for(),
    )
    return export, job
