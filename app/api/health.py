"""/health: whether what we stand on answers. Open to all, and says no more than up or down."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Blueprint
from sqlalchemy import make_url, text

from app import db
from app.api.replies import Reply
from app.broker.connection import new_client
from app.settings import settings

log = structlog.get_logger(__name__)

bp = Blueprint("health", __name__)

PATIENCE_S = 2  # a health check that hangs is itself an outage


@bp.get("/health")
def health() -> Reply:
    """200 healthy or 503 unhealthy, in the same shape (CONTRACTS S3-19, C40)."""
    services = {name: "up" if _answers(name, ping) else "down" for name, ping in _pings().items()}
    healthy = all(state == "up" for state in services.values())
    return {"status": "healthy" if healthy else "unhealthy", "services": services}, 200 if healthy else 503


def _pings() -> dict[str, Callable[[], object]]:
    on_postgres = make_url(settings().database_url).get_backend_name() == "postgresql"
    return {
        "postgres" if on_postgres else "sqlite": _database,
        "redis": lambda: _redis(settings().cache_redis_url),
        "queues": lambda: _redis(settings().queue_redis_url),
    }


def _answers(name: str, ping: Callable[[], object]) -> bool:
    try:
        ping()
    except Exception as error:
        log.warning("health.down", service=name, reason=type(error).__name__)
        return False
    return True


def _database() -> None:
    with db.reading() as session:
        session.execute(text("SELECT 1 FROM users LIMIT 1"))


def _redis(url: str) -> None:
    """A connection of its own: the shared ones are patient enough for a job, not for a probe."""
    with new_client(url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S) as client:
        client.ping()
