"""How many jobs of a queue could run and do not, and for how long the oldest of them could have."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.broker.queue import Queue

#: BullMQ's scores: the due time of a delayed job, and the priority of a prioritized one, hold a counter below.
DELAY_UNIT = 0x1000
PRIORITY_UNIT = 0x100000000


@dataclass(frozen=True, slots=True)
class Backlog:
    """``waiting`` includes the prioritized and the delayed whose time has come; ``oldest_ms`` is 0 without any."""

    waiting: int
    oldest_ms: int


def backlog(queue: Queue, now_ms: int) -> Backlog:
    """As of now; costs two round trips, however long the queue is.

    Looked at are the next job, the next of the lowest priority, and the delayed job that should have gone first: a job
    that others have overtaken otherwise (retried to the front, say) is not seen until it is next.
    """
    keys = queue.keys
    due = f"({(now_ms + 1) * DELAY_UNIT}"
    with queue.redis.pipeline(transaction=False) as pipe:
        pipe.llen(keys["wait"])
        pipe.zcard(keys["prioritized"])
        pipe.zcount(keys["delayed"], "-inf", due)
        pipe.lindex(keys["wait"], -1)
        pipe.zrange(keys["prioritized"], 0, 0)
        pipe.zrange(keys["prioritized"], -1, -1, withscores=True)
        pipe.zrange(keys["delayed"], 0, 0, withscores=True)
        waits, prioritized, delayed, next_, first, last, soonest = pipe.execute()
    ids = [*filter(None, [next_]), *first, *_next_of_lowest(queue, last)]
    since = [int(score) // DELAY_UNIT for _, score in soonest] + [*_ready(queue, ids)]
    ages = (now_ms - at for at in since)
    return Backlog(waits + prioritized + delayed, max((age for age in ages if age > 0), default=0))


def _next_of_lowest(queue: Queue, last: list[tuple[str, float]]) -> list[str]:
    if not last:
        return []
    floor = int(last[0][1]) // PRIORITY_UNIT * PRIORITY_UNIT
    found: list[str] = queue.redis.zrangebyscore(queue.keys["prioritized"], floor, "+inf", 0, 1)  # type: ignore[assignment]  # replies are decoded
    return found


def _ready(queue: Queue, ids: Iterable[str]) -> Iterable[int]:
    """Since when these could run, in ms: since they were due, or since the last run that ended in a retry began."""
    with queue.redis.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hmget(queue.keys[job_id], "timestamp", "opts", "processedOn")
        for timestamp, opts, processed_on in pipe.execute():
            if timestamp is not None:
                yield max(_number(timestamp) + _delay(opts), _number(processed_on))


def _delay(opts: str | None) -> int:
    try:
        return _number(json.loads(opts or "{}").get("delay"))
    except (ValueError, AttributeError):
        return 0


def _number(value: Any) -> int:
    """0 for what is none: jobs may be anybody's."""
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0
