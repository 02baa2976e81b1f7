"""What expiry cannot do: entries without a time to live, and those of users who are gone (CONTRACTS C11)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from redis import Redis
from sqlalchemy import Select, select

from app import db
from app.domains.cache.keys import EVERY_ENTRY, parse
from app.models.user import User

PAGE = 500


@dataclass(frozen=True, slots=True)
class Cleaned:
    """How many entries were looked at, and how many were removed for each reason."""

    seen: int = 0
    without_ttl: int = 0
    without_user: int = 0


def present_users(ids: Collection[str]) -> Select[str]:
    """Those of these ids whose user has not been removed."""
    return select(User.id).where(User.id.in_(ids), User.removed_at.is_(None))


def clean(redis: Redis) -> Cleaned:
    """Remove what must not stay.

    Walks with SCAN, so that Redis serves others meanwhile (a key may be seen twice), and holds no session across it.
    """
    seen = without_ttl = without_user = 0
    for keys in _pages(redis):
        seen += len(keys)
        eternal = _eternal(redis, keys)
        without_ttl += _remove(redis, eternal)
        without_user += _remove(redis, _ownerless([key for key in keys if key not in eternal]))
    return Cleaned(seen, without_ttl, without_user)


def _pages(redis: Redis) -> Iterator[list[str]]:
    keys = redis.scan_iter(match=EVERY_ENTRY, count=PAGE)
    return iter(lambda: list(islice(keys, PAGE)), [])


def _eternal(redis: Redis, keys: list[str]) -> set[str]:
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.ttl(key)
        return {key for key, ttl_s in zip(keys, pipe.execute(), strict=True) if ttl_s == -1}


def _ownerless(keys: list[str]) -> list[str]:
    """Keys of removed users, and keys under our prefix that are none of ours."""
    owners = {key: _owner(key) for key in keys}
    with db.reading() as session:
        present = set(session.scalars(present_users({owner for owner in owners.values() if owner})))
    return [key for key, owner in owners.items() if owner not in present]


def _owner(key: str) -> str | None:
    try:
        return parse(key).user_id
    except ValueError:
        return None


def _remove(redis: Redis, keys: Collection[str]) -> int:
    return int(redis.unlink(*keys)) if keys else 0
