"""How often a password may be guessed: ten wrong ones for an address, then none is looked at for ten minutes.

By address, known or not, and not by who calls: a proxy would make all callers one. Counted in the cache's Redis, for
all web processes; while that is away a guess costs what its argon2 costs.
"""

from __future__ import annotations

import hashlib

import structlog
from redis.exceptions import RedisError

from app.broker.connection import connect
from app.settings import settings

log = structlog.get_logger(__name__)

MOST = 10
WINDOW_S = 600


class TooManyAttempts(Exception):
    """Nobody signs in with this address for a while, not even with the right password."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many wrong passwords for this address; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


def refuse_after_many(email: str) -> None:
    """Before a password is looked at. Raises TooManyAttempts."""
    try:
        cache = connect(settings().cache_redis_url)
        wrong, left_s = cache.get(_key(email)), int(cache.ttl(_key(email)))
    except RedisError as error:
        log.warning("sign_in.uncounted", reason=type(error).__name__)
        return
    if int(wrong or 0) >= MOST:
        raise TooManyAttempts(max(left_s, 1))


def count_wrong(email: str) -> None:
    """After a wrong password; the first begins the ten minutes."""
    try:
        with connect(settings().cache_redis_url).pipeline() as counting:
            counting.set(_key(email), 0, ex=WINDOW_S, nx=True)
            counting.incr(_key(email))
            counting.execute()
    except RedisError as error:
        log.warning("sign_in.uncounted", reason=type(error).__name__)


def forget(email: str) -> None:
    """After the right one."""
    try:
        connect(settings().cache_redis_url).delete(_key(email))
    except RedisError as error:
        log.warning("sign_in.uncounted", reason=type(error).__name__)


def _key(email: str) -> str:
    """Of bounded length, and without anybody's address."""
    return f"toril:sign-in:{hashlib.sha256(email.strip().lower().encode()).hexdigest()}"
