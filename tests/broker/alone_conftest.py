"""The ``tests/conftest.py`` of a checkout that holds nothing of ``app`` but ``app.broker`` (``test_alone.py``)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from app.broker.connection import connect
from tests.servers import RedisServer, redis_server


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests that do not harm it."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(shared_redis: RedisServer) -> str:
    """The URL of an empty database."""
    connect(shared_redis.url).flushall()
    return shared_redis.url


@pytest.fixture
def redis(redis_url: str) -> Redis:
    """A client of that empty database."""
    return connect(redis_url)
