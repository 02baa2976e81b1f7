"""Asking Redis until it answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import RedisError

T = TypeVar("T")

AGAIN_S = 0.1


def until(give_up_at: float, ask: Callable[[], T]) -> T:
    """What it answers. Raises its RedisError once ``time.monotonic()`` has passed that moment."""
    while True:
        try:
            return ask()
        except RedisError:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(AGAIN_S)
