"""How often a seller may still be called: a token bucket in Redis, shared by all workers, with a line of who waits.

Nobody sleeps here. Who asks gets a token, or BudgetSpent with the time at which a token will be there for them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any, NamedTuple

from redis import Redis

from app.clock import from_ms
from app.domains.amazon.errors import BudgetSpent
from app.domains.amazon.operations import OPERATIONS, Operation

# A place in the line whose holder is this late belongs to the next.
GRACE_MS = 120_000
PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 300_000
_LOST = "amazon:budget:lost"
# The slowest bucket (20 tokens at 0.0056 a second) is full again after 3,572 s, whatever was in it before.
_SLOWEST_REFILL_S = 4_000


class Left(NamedTuple):
    """What is left of one operation's budget: ``calls`` at once, of ``burst``; one more every ``1 / rate`` seconds.

    ``refusals`` are the 429s in a row so far, ``waiting`` the holders in the line; ``touched`` is False while the
    budget is full and nobody has called lately.
    """

    operation: str
    calls: int
    burst: int
    rate: float
    refusals: int
    waiting: int
    touched: bool


def payer(region: str, seller_id: str, account_id: str) -> str:
    """Whose budget it is: usage plans are per seller and region; an account whose seller is not known is alone."""
    return f"{region.lower()}:{seller_id or account_id}"


class Budget:
    """The budgets of all sellers. ``now_ms`` is given in tests only; otherwise Redis TIME is the one clock.

    Keys, all with a TTL: ``amazon:budget:<seller>:<operation>`` and, beside it, ``:line`` and ``:told``.
    """

    def __init__(self, redis: Redis, now_ms: Callable[[], int] | None = None) -> None:
        self._redis = redis
        self._now_ms = now_ms
        self._ask = redis.register_script(_script("ask-4.lua"))
        self._refuse = redis.register_script(_script("refuse-3.lua"))
        self._learn = redis.register_script(_script("learn-3.lua"))

    def ask(self, seller: str, operation: Operation, holder: str) -> None:
        """Take one call out of the budget; BudgetSpent when there is none for this holder yet.

        A holder (a job) that comes back at the time it was told finds its token; one that comes back more than
        ``GRACE_MS`` late has lost its place. A newcomer never takes what those in the line were promised.
        """
        due = self._ask(
            keys=[*_keys(seller, operation), _LOST],
            args=[self._now(), holder, operation.rate, operation.burst, GRACE_MS],
        )
        if due:
            raise BudgetSpent(from_ms(int(due)), operation.name)

    def refused(
        self, seller: str, operation: Operation, holder: str, retry_after_s: float = 0, jitter: float | None = None
    ) -> BudgetSpent:
        """Amazon answered 429: the bucket is emptied, and the next call is one token and a jittered pause away.

        The pause doubles with each refusal in a row, from ``PAUSE_MS`` to ``LONGEST_PAUSE_MS``, times 0.5 to 1.5.
        """
        factor = random.uniform(0.5, 1.5) if jitter is None else jitter  # noqa: S311 - spreads load, guards nothing
        due = self._refuse(
            keys=_keys(seller, operation),
            args=[
                self._now(),
                holder,
                operation.rate,
                operation.burst,
                GRACE_MS,
                PAUSE_MS,
                LONGEST_PAUSE_MS,
                factor,
                retry_after_s * 1000,
            ],
        )
        return BudgetSpent(from_ms(int(due)), operation.name)

    def learn(self, seller: str, operation: Operation, limit: str | None) -> None:
        """Remember the rate of ``x-amzn-RateLimit-Limit``, if it is a positive number, until the bucket expires."""
        rate = _positive(limit)
        self._learn(
            keys=_keys(seller, operation),
            args=[self._now(), "" if rate is None else rate, operation.burst, GRACE_MS],
        )

    def left(self, seller: str, operations: Sequence[Operation] = OPERATIONS) -> list[Left]:
        """What may be called now, without taking anything; one round trip. Untouched budgets are full ones."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        for operation in operations:
            bucket, line, _ = _keys(seller, operation)
            pipe.hmget(bucket, "tokens", "at", "rate", "refusals")
            pipe.zcard(line)
        (seconds, microseconds), *found = pipe.execute()
        now = self._now_ms() if self._now_ms else seconds * 1000 + microseconds / 1000
        return [
            left_in(operation, now, bucket, waiting)
            for operation, bucket, waiting in zip(operations, found[::2], found[1::2], strict=True)
        ]

    def start_empty(self) -> None:
        """After a loss of Redis' data: buckets start empty, since Amazon remembers what we spent."""
        now = self._now()
        if now == "":
            seconds, microseconds = self._redis.time()
            now = seconds * 1000 + microseconds // 1000
        self._redis.set(_LOST, now, ex=_SLOWEST_REFILL_S)

    def _now(self) -> int | str:
        return self._now_ms() if self._now_ms else ""


def left_in(operation: Operation, now_ms: float, bucket: Sequence[str | None], waiting: int = 0) -> Left:
    """Of a bucket's tokens, at, rate and refusals, as bucket.lua reads it."""
    tokens, at_ms, rate, refusals = bucket
    a_second = float(rate or operation.rate)
    since_s = max(now_ms - float(at_ms or now_ms), 0) / 1000
    calls = max(math.floor(min(operation.burst, float(tokens or operation.burst) + a_second * since_s)), 0)
    return Left(operation.name, calls, operation.burst, a_second, int(refusals or 0), waiting, tokens is not None)


def _keys(seller: str, operation: Operation) -> list[str]:
    bucket = f"amazon:budget:{seller}:{operation.name}"
    return [bucket, f"{bucket}:line", f"{bucket}:told"]


def _positive(limit: str | None) -> float | None:
    try:
        rate = float(limit or "")
    except ValueError:
        return None
    return rate if rate > 0 and math.isfinite(rate) else None


def _script(name: str) -> str:
    folder: Any = resources.files("app.domains.amazon") / "lua"
    return f"{(folder / 'bucket.lua').read_text()}\n{(folder / name).read_text()}"
