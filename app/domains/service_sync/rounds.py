"""A round: one job for each active shared hosting service, spread over half a minute (S1-2)."""

from __future__ import annotations

import hashlib
from datetime import datetime

from app import db
from app.broker.recorder import NewJob
from app.crontab.slots import slot_name
from app.domains.service_sync.services import active_shared
from app.jobs.catalog import SYNC_SERVICE
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import SyncService

#: The longest delay of a job, so that a provider of many services is not called for all of them at once.
SPREAD_MS = 30_000
AT_ONCE = 1_000


def sync_all(slot: datetime) -> list[str]:
    """Promise the slot's job of every active shared service; returns their ids. Said again, it adds nothing."""
    promised: list[str] = []
    after = ""
    while True:
        with db.session() as session:
            page = session.scalars(active_shared(after).limit(AT_ONCE)).all()
            jobs = [sync_job(service_id, slot, spread_ms(service_id, slot)) for service_id in page]
            enqueue_with(session, jobs)
        promised += (job.id for job in jobs)
        if len(page) < AT_ONCE:
            return promised
        after = page[-1]


def sync_job(service_id: str, slot: datetime, delay_ms: int = 0) -> NewJob:
    """The job of one service and slot; promised twice, it is one."""
    key = f"sync-{service_id}-{slot_name(slot)}"
    return new_job(SYNC_SERVICE, SyncService(service_id=service_id), job_id=key, delay_ms=delay_ms, promise_key=key)


def spread_ms(service_id: str, slot: datetime) -> int:
    """0 to 30 s: another for each slot, and for one slot always the same, so that a re-run makes the same promise."""
    drawn = hashlib.sha256(f"{slot_name(slot)} {service_id}".encode()).digest()
    return int.from_bytes(drawn[:8]) % (SPREAD_MS + 1)
