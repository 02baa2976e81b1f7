"""The cache's keys: ``cache:<user>:<country>:<region>:<name>``, all in one place."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote

PREFIX = "cache"
#: What SCAN looks for; every key of this domain and no other matches it.
EVERY_ENTRY = f"{PREFIX}:*"


class EntryKey(NamedTuple):
    """One seller account's result of one cadence; ``name`` is ``daily`` or ``weekly``."""

    user_id: str
    country: str
    region: str
    name: str

    def __str__(self) -> str:
        """The key in Redis. A colon or a star inside a part is percent-encoded, so that parts never run together."""
        return ":".join((PREFIX, *(quote(part, safe="@+ ") for part in self)))


def parse(key: str) -> EntryKey:
    """The parts of a key; raises ValueError when it is not one of ours."""
    prefix, *parts = key.split(":")
    if prefix != PREFIX or len(parts) != len(EntryKey._fields):
        raise ValueError(f"not a cache key: {key!r}; expected {PREFIX}:<user>:<country>:<region>:<name>")
    return EntryKey(*(unquote(part) for part in parts))
