"""A queue's settings in Redis: paused, and its limits. The record is told by whoever asked for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

_RAISE = "if tonumber(redis.call('GET', KEYS[1]) or 0) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end"

if TYPE_CHECKING:
    from app.broker.queue import Queue


def set_paused(queue: Queue, *, paused: bool) -> None:
    """Stop or start the claims of all workers."""
    source, target = ("wait", "paused") if paused else ("paused", "wait")
    keys = queue.keys.all(source, target, "meta", "prioritized", "events", "delayed", "marker")
    queue.run("pause", keys, ["paused" if paused else "resumed", "1"])


def set_limits(queue: Queue, fields: Mapping[str, int | None]) -> None:
    """Set these fields of the queue's meta, drop those that are None; a waiting worker looks again under them."""
    given: dict[Any, Any] = {field: value for field, value in fields.items() if value is not None}
    with queue.redis.pipeline() as pipe:
        if given:
            pipe.hset(queue.keys["meta"], mapping=given)
        if dropped := fields.keys() - given:
            pipe.hdel(queue.keys["meta"], *dropped)
        pipe.zadd(queue.keys["marker"], {"0": 0})
        pipe.execute()


def restore_settings(queue: Queue, settings: Mapping[str, Any]) -> None:
    """Set again what the record holds, after Redis has lost it; the names are those of ``before_setting``."""
    if settings.get("paused"):
        set_paused(queue, paused=True)
    limits = {"concurrency": settings.get("concurrency"), **(settings.get("rate") or {})}
    if known := {field: limit for field, limit in limits.items() if limit is not None}:
        set_limits(queue, known)


def read_settings(queue: Queue) -> dict[str, Any]:
    """What holds in Redis, whoever has set it, under the same names; None for what is not set."""
    names = ("paused", "concurrency", "max", "duration")
    values: list[Any] = queue.redis.hmget(queue.keys["meta"], *names)
    paused, concurrency, most, duration = values
    limits = [int(limit) if limit and limit.isdecimal() else None for limit in (concurrency, most, duration)]
    rate = {"max": limits[1], "duration": limits[2]} if limits[1] and limits[2] else None
    return {"paused": True if paused else None, "concurrency": limits[0], "rate": rate}


def reserve_ids(queue: Queue, highest: int) -> None:
    """The queue's counter gives no id up to this one: they are taken by jobs that are about to come back."""
    queue.redis.register_script(_RAISE)(keys=[queue.keys["id"]], args=[highest])
