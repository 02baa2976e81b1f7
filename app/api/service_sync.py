"""/api/v1/sync: hosting services' status fetched now, and how their queue stands (document 001)."""

from __future__ import annotations

from flask import Blueprint
from typing_extensions import TypedDict

from app import db
from app.api.input import read_optional_body
from app.api.queue_replies import Counts, metrics_of
from app.api.reasons import Act
from app.api.replies import Answer, ok
from app.auth.acts import act
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.domains.service_sync import services
from app.domains.service_sync.errors import ServiceInactive
from app.domains.service_sync.rounds import sync_all, sync_job
from app.jobs.catalog import SERVICE_SYNC
from app.jobs.engine import find_queue
from app.jobs.enqueue import enqueue_with
from app.ledger import audit
from app.models.user import Role

bp = Blueprint("service_sync", __name__, url_prefix="/api/v1/sync")


class Round(TypedDict):
    """The jobs of one sync of all services."""

    jobs: int
    jobIds: list[str]


class OneSync(TypedDict):
    """The job of one service."""

    jobId: str
    serviceId: str


@bp.post("/all")
@requires(Role.OPERATOR)
def everything() -> Answer[Round]:
    """Sync every active shared service within half a minute (S1-7)."""
    why = read_optional_body(Act).reason
    now = utc_now()
    with act("services.synced", f"queue {SERVICE_SYNC}", why=why):
        promised = sync_all(now)
    return ok({"jobs": len(promised), "jobIds": promised}, message="Sync of all services started", status=202)


@bp.post("/service/<key:service_id>")
@requires(Role.OPERATOR)
def one(service_id: str) -> Answer[OneSync]:
    """Sync one service now; 404 if there is none, 409 if it is inactive (S1-8)."""
    why = read_optional_body(Act).reason
    now = utc_now()
    with db.session() as session:
        if not services.find(session, service_id).is_active:
            raise ServiceInactive(service_id)
        job = sync_job(service_id, now)
        audit.record(session, current_user().id, "service.synced", f"service {service_id}", at=now, why=why)
        enqueue_with(session, [job])
    return ok({"jobId": job.id, "serviceId": service_id}, message="Sync of the service started", status=202)


@bp.get("/status")
@requires(Role.VIEWER)
def status() -> Answer[Counts]:
    """The queue's counts, as under every other prefix (S1-9)."""
    return ok(metrics_of(find_queue(SERVICE_SYNC)))
