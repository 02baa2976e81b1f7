"""This process's broker, on an empty Redis and an empty database of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from sqlalchemy import Engine

from app.broker.queue import Queue
from app.jobs.engine import find_queue
from app.settings import settings

BROKERS = count(1)


@pytest.fixture
def queue(database: Engine, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """The main queue, with the ledger as its record."""
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    monkeypatch.setenv("QUEUE_PREFIX", f"test-{next(BROKERS)}")  # a broker, and so actors, of this test's own
    settings.cache_clear()
    yield find_queue("user-updates")
    settings.cache_clear()
