"""Redis's time: the only clock that a queue's scripts are given, so that a host with a wrong one harms nothing."""

from __future__ import annotations

import threading
import time

from redis import Redis
from redis.exceptions import RedisError

RELEARN_S = 30


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
            asked = time.monotonic()
            try:
                seconds, micros = self._redis.time()
            except RedisError:
                if self._learnt_at < 0:
                    raise
                self._learnt_at = asked - RELEARN_S + 1
                return
            answered = time.monotonic()
            # The reply was made half a round trip ago.
            self._offset_ms = seconds * 1000 + micros / 1000 - (asked + answered) * 500
            self._learnt_at = answered
