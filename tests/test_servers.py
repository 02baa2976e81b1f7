"""The servers that the suite stands on are real."""

from __future__ import annotations

from redis import Redis
from sqlalchemy import Engine, text


def test_the_embedded_redis_keeps_an_append_only_file_and_evicts_nothing(redis: Redis) -> None:
    """CONTRACTS C44: the embedded server must not lose or evict jobs."""
    config = {**redis.config_get("appendonly"), **redis.config_get("maxmemory-policy")}

    assert config == {"appendonly": "yes", "maxmemory-policy": "noeviction"}


def test_each_database_answers(database: Engine) -> None:
    """Both kinds, with the application's own engine."""
    with database.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
