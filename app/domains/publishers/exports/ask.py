"""An export is asked for, by somebody or by the crontab."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.broker.recorder import NewJob
from app.domains.publishers.artifacts.asking import Cadence, add_pending, promise_once
from app.domains.publishers.artifacts.files import kept_for
from app.domains.publishers.periods import Period
from app.domains.publishers.priority import place
from app.jobs.catalog import EXPORT_DATA
from app.jobs.enqueue import new_job
from app.jobs.payloads import ExportData, ExportRequest
from app.models.export import Export
from app.models.publisher import Publisher
from app.models.user import new_id


def ask(session: Session, publisher: Publisher, asked: ExportRequest, *, by: str, now: datetime) -> Export:
    """The pending export, whose job is added when the session commits."""
    return add_pending(session, *_new(publisher, asked, new_id(), now, by=by))


def promise_exports(cadence: Cadence, slot: datetime) -> int:
    """Each publisher's last whole week or month as CSV, once a slot; returns how many."""

    def scheduled(publisher: Publisher, key: str, period: Period, delay_ms: int) -> tuple[Export, NewJob]:
        asked = ExportRequest(publisher_id=publisher.id, format="csv", start_date=period.first, end_date=period.last)
        return _new(publisher, asked, key, slot, delay_ms=delay_ms)

    return promise_once(Export, cadence, slot, scheduled)


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
