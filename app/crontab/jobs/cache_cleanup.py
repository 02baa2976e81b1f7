"""Cache clean-up: entries that would never expire, and those of users who are gone (S0-6, C11)."""

from __future__ import annotations

import logging
from dataclasses import asdict

from app.broker.connection import connect
from app.domains.cache.clean import clean
from app.settings import settings

name = "cacheCleanup"
schedule = "30 */6 * * *"
timeout_s = 600
reads = "the cache's keys, by SCAN; users"
writes = "the cache: removes keys without a time to live, and those of removed users"
proof = "tests/crontab/jobs/test_cache_cleanup.py::test_what_would_stay_for_ever_goes_and_the_rest_stays"


def run(log: logging.Logger) -> dict[str, int]:
    """Walk the whole cache once."""
    done = asdict(clean(connect(settings().cache_redis_url)))
    log.info("cache cleaned: %s", done)
    return done
