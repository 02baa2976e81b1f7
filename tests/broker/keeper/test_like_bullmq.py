"""Our handBack beside BullMQ's own moveJobFromActiveToWait: the same job back leaves the same Redis."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from app.broker.keys import QueueKeys
from app.broker.locks import Return, hand_back
from tests.broker.keeper.conftest import PREFIX, QUEUE, QueueInRedis

KEYS = QueueKeys(PREFIX, QUEUE)
PARTS = ("active", "wait", "stalled", "paused", "meta", "limiter", "prioritized", "marker", "events")

Snapshot = dict[str, Any]


def by_bullmq(redis: Redis) -> None:
    """The official script, from the installed package."""
    spec = find_spec("bullmq")
    assert spec
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "commands" / "moveJobFromActiveToWait-9.lua"
    redis.register_script(path.read_text())(keys=KEYS.all(*PARTS), args=["a", "token", KEYS["a"]])


def by_us(redis: Redis) -> None:
    """Ours, uncharged."""
    hand_back(redis, PREFIX, QUEUE, [Return("a", "token")])


def arrange(redis: Redis, priority: int, meta: dict[str, str]) -> None:
    """One job is active and marked by a stalled check, another waits."""
    redis.flushall()
    queue = QueueInRedis(redis)
    for job_id in ("a", "b"):
        queue.add(job_id, priority)
    redis.lrem(KEYS["wait"], 0, "a")
    redis.zrem(KEYS["prioritized"], "a")
    redis.lpush(KEYS["active"], "a")
    redis.set(KEYS.lock("a"), "token", px=60_000)
    redis.sadd(KEYS["stalled"], "a")
    redis.delete(KEYS["marker"])
    for name, value in meta.items():
        redis.hset(KEYS["meta"], name, value)


def snapshot(redis: Any) -> Snapshot:
    """Every key with its value; of events what they say, not when."""
    read: dict[str, Callable[[str], Any]] = {
        "string": redis.get,
        "list": lambda key: redis.lrange(key, 0, -1),
        "set": redis.smembers,
        "zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        "hash": redis.hgetall,
        "stream": lambda key: [fields for _, fields in redis.xrange(key)],
    }
    return {key: read[redis.type(key)](key) for key in redis.scan_iter()}


@pytest.mark.parametrize("meta", [{}, {"paused": "1"}, {"concurrency": "1"}], ids=["running", "paused", "limited"])
@pytest.mark.parametrize("priority", [0, 5], ids=["standard", "prioritized"])
def test_an_uncharged_hand_back_leaves_what_bullmq_leaves(redis: Redis, priority: int, meta: dict[str, str]) -> None:
    """But for the marker of a prioritized job, which BullMQ's forgets."""
    arrange(redis, priority, meta)
    by_bullmq(redis)
    theirs = snapshot(redis)
    if priority and "paused" not in meta:
        theirs[KEYS["marker"]] = [("0", 0.0)]

    arrange(redis, priority, meta)
    by_us(redis)

    ours = snapshot(redis)
    assert as_text(ours) == as_text(theirs)


def as_text(state: Snapshot) -> list[str]:
    """To be compared, and read when it differs."""
    return sorted(f"{key}: {value!r}" for key, value in state.items())
