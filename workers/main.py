"""What a worker process runs: ``dramatiq workers.main -p 1 -t <toril threads>``."""

from __future__ import annotations

import dramatiq

from app import clock, log
from app.crontab.code import load_or_exit
from app.jobs.engine import broker
from app.jobs.limits import RateLimits
from app.jobs.presence import Presence
from app.settings import settings

log.configure("json" if settings().environment == "production" else "console", settings().log_level.upper())
dramatiq.set_broker(broker())
clock.follow(broker().clock.known_ms)
broker().add_middleware(Presence())
broker().add_middleware(RateLimits())

load_or_exit()

from workers import (  # noqa: E402 - actors are declared on the broker that is set
    analytics,  # noqa: F401
    artifacts,  # noqa: F401
    cache_warming,  # noqa: F401
    crontab,  # noqa: F401
    failures,  # noqa: F401
    maintenance,  # noqa: F401
    notifications,  # noqa: F401
    service_sync,  # noqa: F401
    user_updates,  # noqa: F401
)
