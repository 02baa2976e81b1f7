"""Hosting services' status, as an actor."""

from __future__ import annotations

from app.domains.service_sync import sync
from app.jobs.actor import actor
from app.jobs.catalog import SYNC_SERVICE


@actor(SYNC_SERVICE)
def sync_service(*, service_id: str) -> dict[str, int]:
    """Fetch one service's status, and keep what is new of it."""
    return sync.sync_service(service_id)
