"""Answers computed from SQL and kept for ten minutes; every read is counted, so that the most read are warmed (S3-6).

The one cached read path of the API. A key says all that an answer depends on (``answer_key``), so that whoever knows
the key can compute it. Reading::

    found = answers.read(redis, answer_key("rollups", publisher_id, "day", "2026-01-01", "2026-01-31"), compute, now)
    found.body, found.is_hit

Warming: ``most_read(redis, now)`` gives the keys, and ``refresh(redis, key, compute)`` puts a new answer in the place
of what stands there. ``compute`` returns plain JSON (texts for times and amounts), or raises; what raises is not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import msgspec
import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

#: Two rounds of warming: what is warmed does not run out in between.
TTL_S = 600
COUNTED = timedelta(hours=24)
MOST_READ = 50
#: Keys that are counted in one hour; beyond it, those that were read least are forgotten.
MOST_COUNTED = 10_000

_ANSWER = "answer:"
_READS = "answer-reads:"
_HOUR = timedelta(hours=1)

Compute = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The body, and whether it was there already."""

    body: Any
    is_hit: bool


def answer_key(kind: str, *parts: str) -> str:
    """``kind:part:part``; a colon inside a part is encoded."""
    return ":".join(quote(part, safe="") for part in (kind, *parts))


def key_parts(key: str) -> tuple[str, ...]:
    """The kind and the parts."""
    return tuple(unquote(part) for part in key.split(":"))


def read(redis: Redis, key: str, compute: Compute, now: datetime) -> Answer:
    """The answer, from the cache or computed and kept; counted either way. With Redis away it is computed."""
    try:
        with redis.pipeline(transaction=False) as pipe:
            pipe.get(_ANSWER + key)
            _count(pipe, key, now)
            kept = pipe.execute()[0]
    except RedisError as error:
        log.warning("cache.unavailable", key=key, reason=str(error))
        return Answer(compute(), is_hit=False)
    if kept is not None:
        return Answer(msgspec.json.decode(kept), is_hit=True)
    return Answer(refresh(redis, key, compute), is_hit=False)


def refresh(redis: Redis, key: str, compute: Compute) -> Any:
    """Compute the answer and keep it, whatever stands there; returns it. Redis being away is logged."""
    body = compute()
    try:
        redis.set(_ANSWER + key, msgspec.json.encode(body), ex=TTL_S)
    except RedisError as error:
        log.warning("cache.unavailable", key=key, reason=str(error))
    return body


def most_read(redis: Redis, now: datetime, count: int = MOST_READ) -> list[str]:
    """The keys that were read most in the last 24 hours (this one and the 23 before it), the most read first."""
    hours = [_reads(now - n * _HOUR) for n in range(COUNTED // _HOUR)]
    together = f"{_READS}together"
    with redis.pipeline() as pipe:
        pipe.zunionstore(together, hours)
        pipe.expire(together, 60)
        pipe.zrevrange(together, 0, count - 1)
        found: list[str] = pipe.execute()[-1]
    return found


def _count(pipe: Redis, key: str, now: datetime) -> None:
    reads = _reads(now)
    pipe.zincrby(reads, 1, key)
    pipe.zremrangebyrank(reads, 0, -MOST_COUNTED - 1)
    pipe.expire(reads, COUNTED + _HOUR)


def _reads(hour: datetime) -> str:
    return f"{_READS}{hour:%Y%m%d%H}"
