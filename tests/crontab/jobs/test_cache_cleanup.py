"""The cache's clean-up, as the entry runs it."""

from __future__ import annotations

import pytest
from redis import Redis
from sqlalchemy import Engine

from app import db
from app.domains.cache.keys import EntryKey
from app.domains.cache.store import Entry, put
from app.models.user import User
from app.settings import settings
from tests.crontab.jobs.running import run_job
from tests.domains.maintenance.rows import NINE


def test_what_would_stay_for_ever_goes_and_the_rest_stays(
    database: Engine, redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entry without a time to live, one of a removed user, one good one, and a key that is not the cache's."""
    monkeypatch.setenv("CACHE_REDIS_URL", redis_url)
    settings.cache_clear()
    with db.session() as session:
        session.add(User(id="7", email="7@x.example", password_hash=""))
        session.add(User(id="8", email="8@x.example", password_hash="", removed_at=NINE))
    good, eternal, ownerless = (
        EntryKey(user, "US", "NA", kind) for user, kind in (("7", "daily"), ("7", "weekly"), ("8", "daily"))
    )
    for key in (good, eternal, ownerless):
        put(redis, key, Entry(NINE, 1, {"net_sales": "1.00"}), ttl_s=60)
    for found in redis.scan_iter("*"):
        if str(found).endswith("weekly"):
            redis.persist(found)
    redis.set("another:key", "1")

    done = run_job("cacheCleanup", NINE)

    assert done == {"seen": 3, "without_ttl": 1, "without_user": 1}
    assert len(list(redis.scan_iter("*"))) == 2
    assert redis.get("another:key") == "1"
