"""A report is asked for, by somebody or by the crontab."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.broker.recorder import NewJob
from app.domains.publishers.artifacts.asking import Cadence, add_pending, promise_once
from app.domains.publishers.artifacts.files import kept_for
from app.domains.publishers.periods import Period
from app.domains.publishers.priority import place
from app.jobs.catalog import GENERATE_REPORT
from app.jobs.enqueue import new_job
from app.jobs.payloads import GenerateReport, ReportRequest
from app.models.publisher import Publisher
from app.models.report import Report
from app.models.user import new_id


def ask(session: Session, publisher: Publisher, asked: ReportRequest, *, by: str, now: datetime) -> Report:
    """The pending report, whose job is added when the session commits."""
    return add_pending(session, *_new(publisher, asked, new_id(), now, by=by))


def promise_reports(cadence: Cadence, slot: datetime) -> int:
    """Each publisher's last whole week or month to its members, once a slot; returns how many."""

    def scheduled(publisher: Publisher, key: str, period: Period, delay_ms: int) -> tuple[Report, NewJob]:
        asked = ReportRequest(publisher_id=publisher.id, report_type=cadence, date=period.first)
        return _new(publisher, asked, key, slot, delay_ms=delay_ms)

    return promise_once(Report, cadence, slot, scheduled)


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
