"""How much of the API budgets is left, by operation, over the sellers that have called lately."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from redis import Redis

from app.domains.amazon.budget import left_in
from app.domains.amazon.operations import OPERATIONS, Operation

#: Redis is asked so often at most, for a thousand keys each time: beyond that it is a sample, and a fair one, since
#: keys come by their hash.
LOOKS = 20
BY_NAME = {operation.name: operation for operation in OPERATIONS}


@dataclass(slots=True)
class Level:
    """``left`` is the mean of what is left of each budget, 0 to 1; ``empty`` how many allow no call now.

    A seller who has not called lately has no key, has all of their budget, and is not in here.
    """

    sellers: int = 0
    empty: int = 0
    left: float = 0.0


def levels(redis: Redis, looks: int = LOOKS) -> dict[str, Level]:
    """By operation, as of now. Takes nothing out of any budget."""
    buckets = list(_buckets(redis, looks))
    with redis.pipeline(transaction=False) as pipe:
        pipe.time()
        for key, _ in buckets:
            pipe.hmget(key, "tokens", "at", "rate", "refusals")
        (seconds, microseconds), *kept = pipe.execute()
    found: dict[str, Level] = {}
    for (_, operation), bucket in zip(buckets, kept, strict=True):
        level = found.setdefault(operation.name, Level())
        calls = left_in(operation, seconds * 1_000 + microseconds / 1_000, bucket).calls
        level.sellers += 1
        level.empty += calls == 0
        level.left += (calls / operation.burst - level.left) / level.sellers
    return found


def _buckets(redis: Redis, looks: int) -> Iterator[tuple[str, Operation]]:
    """Keys and operations of budgets; a scan tells a key twice at times."""
    cursor, keys = 0, set[bytes | str]()
    for _ in range(looks):
        cursor, some = redis.scan(cursor, match="amazon:budget:*", count=1_000)
        keys.update(some)
        if not cursor:
            break
    for key in keys:
        operation = BY_NAME.get(str(key).rpartition(":")[2])
        if operation is not None:
            yield str(key), operation
