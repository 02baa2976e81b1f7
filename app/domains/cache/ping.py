"""Whether the cache's Redis answers."""

from __future__ import annotations

from app.broker.connection import new_client
from app.pings import PATIENCE_S, answers_as
from app.settings import settings


@answers_as(lambda: "redis")
def ping() -> None:
    """Through a connection of its own: the shared one is patient enough for a job, not for a probe."""
    with new_client(settings().cache_redis_url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S) as client:
        client.ping()
