"""Where fetched parts wait for the rest: a job that is parked between two pages never fetches the first again."""

from __future__ import annotations

import base64
import uuid
import zlib
from collections.abc import MutableMapping
from typing import Any, Protocol

from redis import Redis

from app.domains.amazon import decimal_json
from app.domains.amazon.errors import AmazonError

State = MutableMapping[str, Any]


class Staging(Protocol):
    """Parts of a payload, by name and number. May forget: what is gone is fetched again."""

    def put(self, name: str, number: int, part: Any) -> None:
        """Keep one part; the same number again replaces it."""

    def get(self, name: str, count: int) -> list[Any] | None:
        """The first ``count`` parts, or None if any is gone."""

    def drop(self, name: str) -> None:
        """Forget all of it."""


class RedisStaging:
    """Parts as compressed JSON in the hash ``amazon:staged:<name>``, for a day.

    They are megabytes and worth only the calls they saved, so they stay out of the job's checkpoint, which is SQL
    and holds no more than their number and the next token.
    """

    def __init__(self, redis: Redis, ttl_s: int = 86_400) -> None:
        self._redis = redis
        self._ttl_s = ttl_s

    def put(self, name: str, number: int, part: Any) -> None:
        """Keep one part; the same number again replaces it."""
        text = base64.b85encode(zlib.compress(decimal_json.encode(part), 1)).decode()
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(_key(name), str(number), text)
            pipeline.expire(_key(name), self._ttl_s)
            pipeline.execute()

    def get(self, name: str, count: int) -> list[Any] | None:
        """The first ``count`` parts, or None if any is gone."""
        if count == 0:
            return []
        texts = self._redis.hmget(_key(name), [str(number) for number in range(count)])
        if any(text is None for text in texts):
            return None
        return [decimal_json.decode(zlib.decompress(base64.b85decode(str(text)))) for text in texts]

    def drop(self, name: str) -> None:
        """Forget all of it."""
        self._redis.delete(_key(name))


class Parts:
    """The parts of one fetch, counted in its ``state``: what the state has not counted was never fetched."""

    def __init__(self, staging: Staging, state: State) -> None:
        self._staging = staging
        self._state = state
        state.setdefault("staged_as", uuid.uuid4().hex)
        state.setdefault("parts", 0)

    def add(self, part: Any) -> None:
        """Keep the next part."""
        self._staging.put(self._state["staged_as"], self._state["parts"], part)
        self._state["parts"] += 1

    def get(self) -> list[Any] | None:
        """All so far, or None if some are gone."""
        return self._staging.get(self._state["staged_as"], self._state["parts"])

    def all(self) -> list[Any]:
        """All so far; a transient AmazonError if some are gone."""
        parts = self.get()
        if parts is None:
            what = f"the {self._state['parts']} parts fetched so far are gone from Redis"
            raise AmazonError("staging", None, "StagedPartsGone", what, transient=True)
        return parts


def _key(name: str) -> str:
    return f"amazon:staged:{name}"
