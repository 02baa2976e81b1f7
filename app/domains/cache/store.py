"""Entries in Redis: written by compare-and-set, newer wins (RULES R8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import msgspec
from redis import Redis

from app.clock import from_ms, to_ms
from app.domains.cache.keys import EntryKey

_PUT_NEWER = (Path(__file__).parent / "lua" / "put_newer.lua").read_text()


class EmptyResult(ValueError):
    """An entry without a result would hide the last good one."""

    def __init__(self, key: EntryKey) -> None:
        super().__init__(f"empty result for {key}: the last good entry is kept; write only what was analysed")


@dataclass(frozen=True, slots=True)
class Entry:
    """One analysed result. ``as_of`` is when its data was asked for, ``run`` the ledger's number of that run."""

    as_of: datetime
    run: int
    result: Mapping[str, Any]


def put(redis: Redis, key: EntryKey, entry: Entry, ttl_s: int) -> bool:
    """Write it, unless a newer entry stands there; says whether it was written.

    Newer is a greater ``(as_of, run)``. Raises EmptyResult rather than replace a good entry by an empty one.
    """
    if not entry.result:
        raise EmptyResult(key)
    result = msgspec.json.encode(entry.result).decode()
    return bool(redis.eval(_PUT_NEWER, 1, str(key), str(to_ms(entry.as_of)), str(entry.run), result, str(ttl_s)))


def get(redis: Redis, key: EntryKey) -> Entry | None:
    """The entry, or None when it has expired or was never written."""
    fields = cast("dict[str, str]", redis.hgetall(str(key)))
    if not fields:
        return None
    return Entry(from_ms(int(fields["as_of"])), int(fields["run"]), msgspec.json.decode(fields["result"]))
