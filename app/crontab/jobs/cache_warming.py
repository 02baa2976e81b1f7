"""Cache warming: the fifty answers that were read most in 24 hours are computed anew every five minutes (S3-6)."""

from __future__ import annotations

import logging

from app import db
from app.broker.connection import connect
from app.crontab.running import current_run
from app.domains.cache.answers import most_read
from app.jobs.catalog import WARM_CACHE
from app.jobs.enqueue import enqueue
from app.jobs.payloads import WarmCache
from app.settings import settings

name = "cacheWarming"
schedule = "*/5 * * * *"
catch_up = "skip"
reads = "the cache's counts of reads"
writes = "a job to the queue cache-warming, once a slot; its answers stay for ten minutes"
proof = "tests/domains/cache/test_warming.py::test_what_was_read_most_is_there_before_it_is_read_again"


def run(log: logging.Logger) -> dict[str, int]:
    """Promise the job, if anything was read."""
    slot = current_run().slot
    keys = most_read(connect(settings().cache_redis_url), slot)
    if keys:
        with db.session() as session:
            key = f"warm-{slot:%Y%m%d%H%M}"
            enqueue(WARM_CACHE, WarmCache(cache_keys=keys), session=session, job_id=key, promise_key=key)
    log.info("%d answers to be warmed", len(keys))
    return {"keys": len(keys)}
