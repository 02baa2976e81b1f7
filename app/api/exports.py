"""/api/v1/exports: a publisher's rows in a file (document 003; CONTRACTS C39)."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, Response, send_file
from typing_extensions import TypedDict

from app import db
from app.api import artifacts
from app.api.artifacts import ArtifactFields, ArtifactsPage
from app.api.errors import refusal
from app.api.input import read_body, read_query
from app.api.replies import Answer, File, ok
from app.api.served import publisher_to_serve
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.domains.publishers.artifacts.files import artifact_file
from app.domains.publishers.artifacts.shown import Shown
from app.domains.publishers.exports.ask import ask
from app.jobs.catalog import DATA_EXPORT
from app.jobs.payloads import ExportRequest
from app.ledger import audit
from app.models.export import Export, ExportFormat
from app.models.user import Role

bp = Blueprint("exports", __name__, url_prefix="/api/v1/exports")


class ShownExport(ArtifactFields):
    """An export; ``progress`` in percent, ``rows`` and ``bytes`` once it is completed."""

    format: ExportFormat
    startDate: str  # noqa: N815 - a name of the document
    endDate: str  # noqa: N815 - a name of the document
    filters: dict[str, Any]
    progress: int
    rows: int | None
    bytes: int | None


class ExportsPage(TypedDict):
    """The newest first; ``next`` is the ``before`` of the page behind, null on the last."""

    exports: list[ShownExport]
    next: str | None


@bp.post("")
@requires(Role.USER)
def create() -> Answer[ShownExport]:
    """Ask for one; ``id`` is the export's, ``jobId`` that of the job in the queue data-export."""
    asked, by, now = read_body(ExportRequest), current_user().id, utc_now()
    with db.session() as session:
        publisher = publisher_to_serve(session, asked.publisher_id)
        export = ask(session, publisher, asked, by=by, now=now)
        details = {"publisher": publisher.id, "format": asked.format}
        audit.record(session, by, "export.requested", f"export {export.id}", at=now, details=details)
    return ok(_as_dict(export, Shown("pending", None)), status=201)


@bp.get("")
@requires(Role.USER)
def newest() -> Answer[ExportsPage]:
    """Those of the caller's publishers, the newest first; an operator sees all."""
    asked = read_query(ArtifactsPage)
    with db.reading() as session:
        found, following = artifacts.page_of(session, Export, DATA_EXPORT, asked)
    return ok({"exports": [_as_dict(*one) for one in found], "next": following})


@bp.get("/<key:export_id>")
@requires(Role.USER)
def show(export_id: str) -> Answer[ShownExport]:
    """How far it has come."""
    with db.reading() as session:
        export = artifacts.find(session, Export, export_id)
        return ok(_as_dict(export, artifacts.state_of(session, export, DATA_EXPORT)))


@bp.get("/<key:export_id>/download")
@requires(Role.USER)
def download(
    export_id: str,
) -> Annotated[Response, File("text/csv")] | Annotated[Response, File("application/json")] | Response:
    """The file; 409 until it is completed, 410 once it has expired."""
    with db.reading() as session:
        export = artifacts.find(session, Export, export_id)
        state = artifacts.state_of(session, export, DATA_EXPORT)
    path = artifact_file(Export.__tablename__, export.id, export.format).resolve()
    if state.state == "completed" and path.is_file():
        name = f"{export.publisher_id}-{export.start_on}-{export.end_on}.{export.format}"
        return send_file(path, as_attachment=True, download_name=name, conditional=True)
    return refusal(410 if state.state in ("completed", "expired") else 409, artifacts.no_file(export, state))


def _as_dict(export: Export, state: Shown) -> ShownExport:
    return {
        **artifacts.fields_of(export, state),
        "format": export.format,
        "startDate": export.start_on.isoformat(),
        "endDate": export.end_on.isoformat(),
        "filters": export.filters,
        "progress": export.progress or 0,
        "rows": export.rows,
        "bytes": export.bytes,
    }
