"""One Redis pool per process and URL."""

from __future__ import annotations

import os
from functools import lru_cache

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(url: str) -> Redis:
    """The client of this process for that URL; replies are ``str``.

    Commands are never retried by the client: a lost reply must be seen by the caller, who knows what may be repeated.
    """
    return _connect(url, os.getpid())


@lru_cache(maxsize=32)
def _connect(url: str, _pid: int) -> Redis:
    return Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="replace",  # a foreign job with broken UTF-8 must fail alone, not break the reply it is in
        socket_connect_timeout=5,
        socket_timeout=15,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 0),
    )
