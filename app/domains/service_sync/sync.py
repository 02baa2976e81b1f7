"""One service's sync: its new records become rows in the transaction that ends the job, so each comes once (S1-3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import structlog
from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import db
from app.broker.current import current_job
from app.broker.recorder import RecorderUnavailable
from app.clock import utc_now
from app.domains.service_sync.errors import DatabaseError, ServiceError, SyncFailed
from app.domains.service_sync.status import Record, fetch_status
from app.ledger.batch import insert_missing
from app.ledger.effect import effect
from app.ledger.errors import unavailable_when_operational
from app.models.hosting_service import HostingService
from app.models.service_log import ServiceLog
from app.secrets import SecretUnreadable, unseal

log = structlog.get_logger(__name__)

service_logs = cast("Table", ServiceLog.__table__)
COLUMNS = [column for column in service_logs.c if column.key != "id"]


def sync_service(service_id: str) -> dict[str, int]:
    """Fetch the service's status and keep what is new of it; returns how much came and how much was new.

    Called inside an actor. Raises SyncFailed by its kind, and RecorderUnavailable while the database is away.
    """
    job = current_job()
    with _told(job.id, service_id):
        url, key = _active(service_id)
        records = fetch_status(url, key)
        with effect(job) as ending:
            new = _insert(ending.session, service_id, job.id, records)
            ending.return_value = done = {"records": len(records), "new": new}
    log.info("Service synced", event_name="service.synced", service=service_id, jobId=job.id, **done)
    return done


def _active(service_id: str) -> tuple[str, str]:
    """Its URL and its key. Raises ServiceError."""
    with unavailable_when_operational(), db.reading() as session:
        service = session.get(HostingService, service_id)
    if service is None:
        raise ServiceError(f"hosting service {service_id!r} is not there any more")
    if not service.is_active:
        raise ServiceError(f"hosting service {service_id!r} is inactive")
    try:
        return service.status_url, unseal(service.api_key) if service.api_key else ""
    except SecretUnreadable as error:
        raise ServiceError(f"the key of hosting service {service_id!r} cannot be read: {error}") from None


def _insert(session: Session, service_id: str, job_id: str, records: Sequence[Record]) -> int:
    """How many of them were new."""
    if not records:
        return 0
    of_all = {"service_id": service_id, "job_id": job_id, "seen_at": utc_now()}
    rows = [{**record.model_dump(exclude={"id"}), "record_id": record.id, **of_all} for record in records]
    written = insert_missing(session.connection(), service_logs, COLUMNS, rows)
    return len(session.execute(written.returning(service_logs.c.id)).all())


@contextmanager
def _told(job_id: str, service_id: str) -> Iterator[None]:
    """A failure is logged by its kind and goes on. While the database is away the job waits, and has not failed."""
    try:
        yield
    except SyncFailed as error:
        _tell(error.kind, job_id, service_id, error)
        raise
    except RecorderUnavailable as error:
        _tell(DatabaseError.kind, job_id, service_id, error)
        raise RecorderUnavailable(f"{DatabaseError.kind} error: {error}") from error
    except DBAPIError as error:
        failed = DatabaseError(f"{type(error).__name__}: {str(error.orig).partition(chr(10))[0]}")
        _tell(failed.kind, job_id, service_id, failed)
        raise failed from error


def _tell(kind: str, job_id: str, service_id: str, error: Exception) -> None:
    log.warning(
        "Service sync failed",
        event_name="service.sync_failed",
        service=service_id,
        jobId=job_id,
        errorClass=kind,
        reason=str(error),
    )
