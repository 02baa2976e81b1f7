"""The connection of a queue's claims comes and goes with Redis; what was known on it goes with it."""

from __future__ import annotations

import gc
import weakref

from redis import Redis

from app.broker import batches
from app.broker.claim_connection import ClaimConnection
from app.broker.keys import QueueKeys


def test_nothing_is_left_of_a_connection_that_was_closed(redis: Redis) -> None:
    """A worker opens one for each queue whenever Redis was away: what stayed of them would add up."""
    keys = QueueKeys("bullmq", "q")
    connection = ClaimConnection(redis, keys, "w")
    claimed = batches.claim_many(connection.scripts(), keys, ["w:1"], now_ms=0, lock_ms=1_000, worker="w")
    client, scripts = weakref.ref(connection.client()), weakref.ref(connection.scripts())

    connection.close()
    gc.collect()

    assert claimed.jobs == []
    assert client() is None
    assert scripts() is None
