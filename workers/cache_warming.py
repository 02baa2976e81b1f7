"""The cache's warming, as an actor: it knows what computes each domain's answers."""

from __future__ import annotations

from typing import Any

from app.broker.connection import connect
from app.domains.cache import warming
from app.domains.publishers.answers import compute
from app.jobs.actor import actor
from app.jobs.catalog import WARM_CACHE
from app.settings import settings


@actor(WARM_CACHE)
def warm_cache(*, cache_keys: list[str], priority: int | None = None) -> dict[str, Any]:  # noqa: ARG001 - document 003's
    """Compute these answers anew and keep them."""
    return warming.warm(connect(settings().cache_redis_url), cache_keys, compute)
