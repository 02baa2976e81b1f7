"""A report is asked for: its row and its job, in one transaction."""

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
from app.jobs.catalog import GENERATE_REPORT
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import GenerateReport, ReportRequest
from app.models.publisher import Publisher
from app.models.report import Report
from app.models.user import new_id


def ask(session: Session, publisher: Publisher, asked: ReportRequest, *, by: str, now: datetime) -> Report:
    """The pending report, whose job is added when the session commits."""
    report, job = _new(publisher, asked, new_id(), now, by=by)
    session.add(report)
    enqueue_with(session, [job])
    return report


def promise_reports(cadence: Literal["weekly", "monthly"], slot: datetime) -> int:
    """Each publisher's last whole week or month, at the slot's time there, to its members; returns how many.

    The same slot promises them once.
    """

    def promise(session: Session, publishers: Sequence[Publisher]) -> int:
        by_id = {f"{cadence}-{slot:%Y%m%d}-{publisher.id}": publisher for publisher in publishers}
        taken = set(session.scalars(select(Report.id).where(Report.id.in_(by_id))))
        new = [_scheduled(publisher, key, cadence, slot) for key, publisher in by_id.items() if key not in taken]
        session.add_all(report for report, _ in new)
        enqueue_with(session, [job for _, job in new])
        return len(new)

    return for_every_publisher(promise)


def _scheduled(
    publisher: Publisher, report_id: str, cadence: Literal["weekly", "monthly"], slot: datetime
) -> tuple[Report, NewJob]:
    day = period_before(cadence, day_here(slot)).first
    asked = ReportRequest(publisher_id=publisher.id, report_type=cadence, date=day)
    delay_ms = to_ms(due_there(slot, publisher.timezone)) - to_ms(slot)
    return _new(publisher, asked, report_id, slot, delay_ms=delay_ms)


def _new(
    publisher: Publisher,
    asked: ReportRequest,
    report_id: str,
    now: datetime,
    *,
    by: str | None = None,
    delay_ms: int = 0,
) -> tuple[Report, NewJob]:
    data = GenerateReport(**dict(asked), job_id=report_id)
    job = new_job(
        GENERATE_REPORT, data, delay_ms=delay_ms, priority=place(publisher), promise_key=f"report-{report_id}"
    )
    report = Report(
        id=report_id,
        publisher_id=publisher.id,
        requested_by=by,
        job_id=job.id,
        state="pending",
        report_type=asked.report_type,
        date=asked.date,
        recipients=asked.recipients,
        created_at=now,
        expires_at=now + kept_for(),
    )
    return report, job
