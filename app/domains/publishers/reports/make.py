"""The job of a report: its figures, its two files, and a mail to each recipient (S3-4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db, mail
from app.broker.current import current_job
from app.domains.publishers.accounts import members
from app.domains.publishers.artifacts.files import artifact_file, published
from app.domains.publishers.artifacts.making import begin, completing, run_of, telling_failures
from app.domains.publishers.reports.figures import gather
from app.jobs.payloads import GenerateReport
from app.ledger.errors import unavailable_when_operational
from app.models.publisher import Publisher
from app.models.report import Report
from app.models.user import User

log = structlog.get_logger(__name__)


def generate_report(asked: GenerateReport) -> dict[str, Any]:
    """Make the files, mail them to whoever has not had them, then complete the report and the job together.

    Called inside an actor. Raises PublisherNotFound and NotTheirs, which no later attempt could mend, and what a mail
    server says: a later attempt mails to those who are left.
    """
    # What draws is loaded by who draws: every other worker, and the API, starts sooner and stays smaller.
    from app.domains.publishers.reports.pages import as_html, as_pdf, as_text

    job = current_job()
    wanted = {"report_type": asked.report_type, "date": asked.date, "recipients": asked.recipients, "mailed": 0}
    report, publisher = begin(job, Report, asked.job_id, asked.publisher_id, wanted)
    with telling_failures(job, report):
        with unavailable_when_operational(), db.reading() as session:
            reported = gather(session, publisher, asked.report_type, asked.date)
            to = list(report.recipients or _members(session, publisher))
        files = {"html": as_html(reported), "pdf": as_pdf(reported)}
        for kind, content in files.items():
            with published(report_file(report.id, kind), run_of(job)) as file:
                file.write(content)
        job.update_progress(50)
        report.mailed = _mail(report, reported.title, as_text(reported), files["pdf"], to)
        said = {"reportId": report.id, "mailed": report.mailed, "recipients": len(to)}
        with completing(job, report) as ending:
            ending.return_value = said
    return said


def report_file(report_id: str, kind: str) -> Path:
    """Where its page or its PDF is."""
    return artifact_file(Report.__tablename__, report_id, kind)


def report_name(report: Report) -> str:
    """What its files are called where they arrive."""
    return f"{report.publisher_id}-{report.report_type}-{report.date}"


def _mail(report: Report, title: str, text: str, pdf: bytes, to: list[str]) -> int:
    """How many have it now. An installation without a mail server still has the report."""
    attached = mail.Attachment(f"{report_name(report)}.pdf", "application", "pdf", pdf)
    try:
        mail.send_once(f"report {report.id}", to, title, text, [attached])
    except mail.MailNotConfigured as error:
        log.warning("report.not_mailed", report=report.id, reason=str(error))
        return 0
    return len(set(to))


def _members(session: Session, publisher: Publisher) -> list[str]:
    mine = select(User.email).where(User.id.in_(members(publisher.id)), User.removed_at.is_(None))
    return list(session.scalars(mine.order_by(User.email)))
