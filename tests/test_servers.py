"""The servers that the suite stands on are real."""

from __future__ import annotations

from pathlib import Path

from redis import Redis
from sqlalchemy import Engine, text

from app.embedded_redis import ALLOCATOR
from tests.servers import RedisServer


def test_the_embedded_redis_keeps_an_append_only_file_and_evicts_nothing(redis: Redis) -> None:
    """CONTRACTS C44: the embedded server must not lose or evict jobs."""
    config = {**redis.config_get("appendonly"), **redis.config_get("maxmemory-policy")}

    assert config == {"appendonly": "yes", "maxmemory-policy": "noeviction"}


def test_the_embedded_redis_has_the_allocator_that_its_command_is_tuned_for(shared_redis: RedisServer) -> None:
    """With another one, the command's ALLOCATOR says nothing and can go."""
    with Redis.from_url(shared_redis.url) as client:
        allocator = client.info("memory")["mem_allocator"]

    environment = Path(f"/proc/{shared_redis.process.pid}/environ")
    assert allocator == "libc"
    assert not environment.exists() or ALLOCATOR.encode() in environment.read_bytes().split(b"\0")


def test_each_database_answers(database: Engine) -> None:
    """Both kinds, with the application's own engine."""
    with database.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
