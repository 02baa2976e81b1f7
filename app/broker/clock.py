"""Redis's time: the only clock that a queue's scripts are given, so that a host with a wrong one harms nothing."""

from __future__ import annotations

import threading
import time

from redis import Redis
from redis.exceptions import RedisError

RELEARN_S = 30
#: A reply that took longer is asked for again: how old its time is, is known only to within half of that.
PROMPT_S = 0.002
TRIES = 5


class RedisClock:
    """Milliseconds since the epoch by Redis TIME: this host's monotonic clock plus an offset learnt every 30 s."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lock = threading.Lock()
        self._offset_ms = 0.0
        self._learnt_at = -float("inf")

    def now_ms(self) -> int:
        """The present; raises redis.ConnectionError only before the offset was learnt for the first time."""
        if time.monotonic() - self._learnt_at > RELEARN_S:
            self._learn()
        return int(time.monotonic() * 1000 + self._offset_ms)

    def known_ms(self) -> int | None:
        """The present as it was learnt last, without asking Redis; None before the first time."""
        return None if self._learnt_at < 0 else int(time.monotonic() * 1000 + self._offset_ms)

    def _learn(self) -> None:
        with self._lock:
            try:
                self._offset_ms = self._offset()
            except RedisError:
                if self._learnt_at < 0:
                    raise
                self._learnt_at = time.monotonic() - RELEARN_S + 1
            else:
                self._learnt_at = time.monotonic()

    def _offset(self) -> float:
        """By the promptest of a few replies, made half a round trip ago."""
        fastest_s, offset_ms = float("inf"), 0.0
        for _ in range(TRIES):
            asked = time.monotonic()
            seconds, micros = self._redis.time()
            answered = time.monotonic()
            if answered - asked < fastest_s:
                fastest_s = answered - asked
                offset_ms = seconds * 1000 + micros / 1000 - (asked + answered) * 500
            if fastest_s < PROMPT_S:
                break
        return offset_ms
