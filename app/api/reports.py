"""/api/v1/reports: a publisher's day, week or month on a page (document 003; as exports, CONTRACTS C39)."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint, Response, send_file
from typing_extensions import TypedDict

from app import db
from app.api import artifacts
from app.api.artifacts import ArtifactFields, ArtifactsPage
from app.api.errors import refusal
from app.api.input import Query, read_body, read_query
from app.api.replies import Answer, File, ok
from app.api.served import publisher_to_serve
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.domains.publishers.artifacts.shown import Shown
from app.domains.publishers.reports.ask import ask
from app.domains.publishers.reports.make import report_file, report_name
from app.jobs.catalog import REPORT_GENERATION
from app.jobs.payloads import ReportRequest
from app.ledger import audit
from app.models.report import Report, ReportType
from app.models.user import Role

bp = Blueprint("reports", __name__, url_prefix="/api/v1/reports")


class ShownReport(ArtifactFields):
    """A report; ``mailed`` is how many have got it. To whom is not shown."""

    reportType: ReportType  # noqa: N815 - a name of the document
    date: str
    mailed: int


class ReportsPage(TypedDict):
    """The newest first; ``next`` is the ``before`` of the page behind, null on the last."""

    reports: list[ShownReport]
    next: str | None


class Asked(Query):
    """Which of its two files."""

    format: Literal["pdf", "html"] = "pdf"


@bp.post("")
@requires(Role.USER)
def create() -> Answer[ShownReport]:
    """Ask for one; ``id`` is the report's, ``jobId`` that of the job in the queue report-generation.

    ``date`` is any day of the day, week or month. Without ``recipients`` it is mailed to the publisher's members.
    """
    asked, by, now = read_body(ReportRequest), current_user().id, utc_now()
    with db.session() as session:
        publisher = publisher_to_serve(session, asked.publisher_id)
        report = ask(session, publisher, asked, by=by, now=now)
        details = {"publisher": publisher.id, "type": asked.report_type}
        audit.record(session, by, "report.requested", f"report {report.id}", at=now, details=details)
    return ok(_as_dict(report, Shown("pending", None)), status=201)


@bp.get("")
@requires(Role.USER)
def newest() -> Answer[ReportsPage]:
    """Those of the caller's publishers, the newest first; an operator sees all."""
    asked = read_query(ArtifactsPage)
    with db.reading() as session:
        found, following = artifacts.page_of(session, Report, REPORT_GENERATION, asked)
    return ok({"reports": [_as_dict(*one) for one in found], "next": following})


@bp.get("/<key:report_id>")
@requires(Role.USER)
def show(report_id: str) -> Answer[ShownReport]:
    """How far it has come."""
    with db.reading() as session:
        report = artifacts.find(session, Report, report_id)
        return ok(_as_dict(report, artifacts.state_of(session, report, REPORT_GENERATION)))


@bp.get("/<key:report_id>/download")
@requires(Role.USER)
def download(
    report_id: str,
) -> Annotated[Response, File("application/pdf")] | Annotated[Response, File("text/html")] | Response:
    """The PDF, or the page; 409 until it is completed, 410 once it has expired."""
    kind = read_query(Asked).format
    with db.reading() as session:
        report = artifacts.find(session, Report, report_id)
        state = artifacts.state_of(session, report, REPORT_GENERATION)
    path = report_file(report.id, kind).resolve()
    if state.state == "completed" and path.is_file():
        return send_file(path, as_attachment=True, download_name=f"{report_name(report)}.{kind}", conditional=True)
    return refusal(410 if state.state in ("completed", "expired") else 409, artifacts.no_file(report, state))


def _as_dict(report: Report, state: Shown) -> ShownReport:
    return {
        **artifacts.fields_of(report, state),
        "reportType": report.report_type,
        "date": report.date.isoformat(),
        "mailed": report.mailed or 0,
    }
