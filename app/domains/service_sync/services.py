"""Hosting services: added, changed and removed by administrators; their keys go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domains.service_sync.errors import ServiceNotFound
from app.ledger import audit
from app.models.hosting_service import HostingService
from app.net import OutboundRefused, check_url
from app.secrets import seal
from app.settings import settings


def _is_callable(url: str) -> str:
    """What could never be called is refused when it is written; where it leads to is asked at each call."""
    try:
        place = check_url(url)
    except OutboundRefused as refused:
        raise ValueError(str(refused)) from None
    is_private = {place.hostname, place.netloc} & settings().private_hosts
    if settings().environment == "production" and place.scheme != "https" and not is_private:
        raise ValueError("production calls https only, or hosts that OUTBOUND_PRIVATE_HOSTS names")
    return url


class ServiceFields(BaseModel):
    """What is said of a service; ``api_key`` in the clear."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    status_url: Annotated[str, Field(max_length=2_048), AfterValidator(_is_callable)]
    api_key: Annotated[str, Field(max_length=4_096, pattern=r"^[\x21-\x7e]*$", repr=False)] = ""
    is_shared: bool = True
    is_active: bool = True


def all_services(after: str = "") -> Select[HostingService]:
    """Every service, by id."""
    return select(HostingService).where(HostingService.id > after).order_by(HostingService.id)


def active_shared(after: str = "") -> Select[str]:
    """The ids of those that are synced each morning, in order."""
    to_sync = (HostingService.is_active.is_(True), HostingService.is_shared.is_(True))
    return select(HostingService.id).where(*to_sync, HostingService.id > after).order_by(HostingService.id)


def find(session: Session, service_id: str) -> HostingService:
    """Raises ServiceNotFound."""
    service = session.get(HostingService, service_id)
    if service is None:
        raise ServiceNotFound(service_id)
    return service


def add(session: Session, new: ServiceFields, *, by: str, at: datetime, why: str | None = None) -> HostingService:
    """A new service, on the audit trail without its key."""
    service = HostingService(**_stored(new.model_dump()), changed_at=at)
    session.add(service)
    session.flush()
    _record(session, by, "service.added", service, new.model_dump(), at=at, why=why)
    return service


def change(
    session: Session, service_id: str, changes: Mapping[str, Any], *, by: str, at: datetime, why: str | None = None
) -> HostingService:
    """Change some fields. Raises ServiceNotFound, and pydantic's ValidationError, which names the field."""
    service = find(session, service_id)
    standing = {"name": service.name, "status_url": service.status_url}
    checked = ServiceFields.model_validate({**standing, **changes}).model_dump(include=set(changes))
    for name, value in _stored(checked).items():
        setattr(service, name, value)
    service.changed_at = at
    _record(session, by, "service.changed", service, checked, at=at, why=why)
    return service


def remove(session: Session, service_id: str, *, by: str, at: datetime, why: str | None = None) -> None:
    """Remove a service and its log. Raises ServiceNotFound."""
    service = find(session, service_id)
    _record(session, by, "service.removed", service, {"name": service.name}, at=at, why=why)
    session.delete(service)


def _stored(fields: dict[str, Any]) -> dict[str, Any]:
    key = fields.get("api_key")
    return {**fields, "api_key": seal(key)} if key else fields


def _record(
    session: Session,
    by: str,
    action: str,
    service: HostingService,
    fields: Mapping[str, Any],
    *,
    at: datetime,
    why: str | None,
) -> None:
    """That a key was set is told, not the key; nor a URL's query, which may hold one."""
    told = {**fields, **({"api_key": "set"} if fields.get("api_key") else {})}
    if "status_url" in told:
        told["status_url"] = told["status_url"].partition("?")[0]
    audit.record(session, by, action, f"service {service.id}", at=at, why=why, details=told)
