"""Claims whose reply was lost: their jobs are locked for this process, and it does not know which they are."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.broker.locks import Return, claimed_by, hand_back

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker


class UnheardClaims:
    """The tokens of such claims on one queue. Nothing has started under them: what they lock goes back uncharged.

    A token is kept for one lease after Redis first answers again: a server that stood still may carry a claim out when
    its connection has long been closed.
    """

    def __init__(self, broker: BullMQBroker, queue: str, worker: str) -> None:
        self._broker = broker
        self._queue = queue
        self._worker = worker
        self._kept_until: dict[str, float] = {}

    def add(self, tokens: Iterable[str]) -> None:
        """No reply came to a claim under these."""
        self._kept_until |= dict.fromkeys(tokens, float("inf"))

    def give_back(self) -> None:
        """What is locked under them waits again. Costs nothing when there are none. Raises redis.RedisError."""
        if not self._kept_until:
            return
        redis, prefix, now = self._broker.redis, self._broker.prefix, time.monotonic()
        claims = claimed_by(redis, prefix, self._queue, self._worker)
        unheard = [Return(job_id, token) for job_id, token in claims if token in self._kept_until]
        hand_back(redis, prefix, self._queue, unheard)
        lease_ends = now + self._broker.lock_ms / 1000
        self._kept_until = {token: min(at, lease_ends) for token, at in self._kept_until.items() if at > now}
