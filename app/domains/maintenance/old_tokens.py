"""Amazon's access tokens that are of no use: Redis lets go of those whose hour is over, here is what it cannot know.

Sign-in tokens are kept nowhere: they expire by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import cast

from redis import Redis
from sqlalchemy import Select, select

from app import db
from app.models.seller_account import SellerAccount

#: ``amazon:token:<api>:<account>:<digest>``, and perhaps ``:lock``.
PATTERN = "amazon:token:*"
ACCOUNT = 3
LIFETIME = timedelta(hours=1)
PAGE = 500


def usable_accounts(ids: Collection[str]) -> Select[str]:
    """Those of these accounts that are still there, and still authorised."""
    return select(SellerAccount.id).where(SellerAccount.id.in_(ids), SellerAccount.state == "active")


@dataclass(frozen=True, slots=True)
class OldTokens:
    """Tokens that would never expire, whose account is gone or must be authorised again, or that are of that age."""

    redis: Redis
    age: timedelta | None = None

    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self._pages()))

    def remove(self) -> int:
        """Delete them; returns how many went."""
        return sum(int(self.redis.unlink(*keys)) for keys in self._pages() if keys)

    def _pages(self) -> Iterator[list[str]]:
        """By SCAN, so that Redis serves others meanwhile, and without a session across it."""
        found = self.redis.scan_iter(match=PATTERN, count=PAGE)
        for keys in iter(lambda: list(islice(found, PAGE)), []):
            with self.redis.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.ttl(key)
                left_s = dict(zip(keys, cast("list[int]", pipe.execute()), strict=True))
            with db.reading() as session:
                usable = set(session.scalars(usable_accounts({_account(key) for key in keys})))
            yield [key for key in keys if self._is_old(left_s[key]) or _account(key) not in usable]

    def _is_old(self, left_s: int) -> bool:
        if left_s < 0 or self.age is None:
            return left_s == -1
        return LIFETIME - timedelta(seconds=left_s) > self.age


def _account(key: str) -> str:
    parts = key.split(":")
    return parts[ACCOUNT] if len(parts) > ACCOUNT else ""
