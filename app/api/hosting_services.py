"""/api/v1/sync/services: hosting services in an administrator's hands, and what was heard of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response
from pydantic import Field, ValidationError
from pydantic.alias_generators import to_camel
from sqlalchemy import select
from typing_extensions import TypedDict

from app import db
from app.api.errors import refusal
from app.api.input import Page, faults, read_body, read_query
from app.api.reasons import Act, Removal
from app.api.replies import Answer, Done, Plain, ok
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.domains.service_sync import services
from app.domains.service_sync.services import ServiceFields
from app.models.hosting_service import HostingService
from app.models.service_log import ServiceLog
from app.models.user import ID_LENGTH, Role

bp = Blueprint("hosting_services", __name__, url_prefix="/api/v1/sync/services")


class Change(Act):
    """What is left out stays as it is. The key is written, and never read."""

    name: str = ""
    status_url: str = ""
    api_key: str = Field("", repr=False)
    is_shared: bool = True
    is_active: bool = True

    def fields(self) -> dict[str, Any]:
        """What was sent."""
        return self.model_dump(exclude_unset=True, exclude={"reason"})


class NewService(Change):
    """A service to be synced."""

    name: str
    status_url: str


class ServicesPage(Page):
    """A page begins after the last id of the one before."""

    after: str = Field("", max_length=ID_LENGTH, pattern=r"^[A-Za-z0-9_-]*$")


class LogsPage(Page):
    """A page begins before the last id of the one before."""

    before: int | None = Field(None, ge=1, lt=2**63)


class ShownService(TypedDict):
    """All but its key, and all but the query of its URL, which may hold one."""

    id: str
    name: str
    statusUrl: str
    hasApiKey: bool
    isShared: bool
    isActive: bool
    changedAt: datetime


class Record(TypedDict):
    """What the status API said once; ``at`` is its time, ``seenAt`` ours."""

    id: int
    recordId: str
    at: datetime
    status: str
    message: str
    responseMs: int | None
    jobId: str
    seenAt: datetime


class Records(TypedDict):
    """A page of them; ``next`` is the ``before`` of the following one."""

    logs: list[Record]
    next: int | None


@bp.errorhandler(ValidationError)
def _refused(invalid: ValidationError) -> Response:
    """The service's own rules, its fields in the caller's names."""
    return refusal(400, faults(invalid, {name: to_camel(name) for name in ServiceFields.model_fields}))


@bp.post("")
@requires(Role.ADMIN)
def add() -> Answer[ShownService]:
    """A new service."""
    asked = read_body(NewService)
    new = ServiceFields.model_validate(asked.fields())
    with db.session() as session:
        service = services.add(session, new, by=current_user().id, at=utc_now(), why=asked.reason)
        return ok(as_dict(service), status=201)


@bp.get("")
@requires(Role.VIEWER)
def list_services() -> Answer[list[ShownService]]:
    """Every service, by id."""
    page = read_query(ServicesPage)
    with db.reading() as session:
        return ok([as_dict(one) for one in session.scalars(services.all_services(page.after).limit(page.limit))])


@bp.get("/<key:service_id>")
@requires(Role.VIEWER)
def show(service_id: str) -> Answer[ShownService]:
    """One service."""
    with db.reading() as session:
        return ok(as_dict(services.find(session, service_id)))


@bp.patch("/<key:service_id>")
@requires(Role.ADMIN)
def change(service_id: str) -> Answer[ShownService]:
    """Some fields; an empty key takes the key away."""
    asked = read_body(Change)
    with db.session() as session:
        service = services.change(
            session, service_id, asked.fields(), by=current_user().id, at=utc_now(), why=asked.reason
        )
        return ok(as_dict(service))


@bp.delete("/<key:service_id>")
@requires(Role.ADMIN)
def remove(service_id: str) -> Plain[Done]:
    """The service and its log."""
    why = read_query(Removal).reason
    with db.session() as session:
        services.remove(session, service_id, by=current_user().id, at=utc_now(), why=why)
    return ok(message="Service removed successfully")


@bp.get("/<key:service_id>/logs")
@requires(Role.VIEWER)
def logs(service_id: str) -> Answer[Records]:
    """Its records, those that came last first; ``next`` is the ``before`` of the next page, null on the last."""
    page = read_query(LogsPage)
    newest = select(ServiceLog).where(ServiceLog.service_id == service_id).order_by(ServiceLog.id.desc())
    if page.before is not None:
        newest = newest.where(ServiceLog.id < page.before)
    with db.reading() as session:
        services.find(session, service_id)
        found = session.scalars(newest.limit(page.limit)).all()
    following = found[-1].id if len(found) == page.limit else None
    return ok({"logs": [_log_as_dict(one) for one in found], "next": following})


def as_dict(service: HostingService) -> ShownService:
    """As anybody may see it."""
    url, query, _ = service.status_url.partition("?")
    return {
        "id": service.id,
        "name": service.name,
        "statusUrl": f"{url}?…" if query else url,
        "hasApiKey": bool(service.api_key),
        "isShared": service.is_shared,
        "isActive": service.is_active,
        "changedAt": service.changed_at,
    }


def _log_as_dict(record: ServiceLog) -> Record:
    return {
        "id": record.id,
        "recordId": record.record_id,
        "at": record.at,
        "status": record.status,
        "message": record.message,
        "responseMs": record.response_ms,
        "jobId": record.job_id,
        "seenAt": record.seen_at,
    }
