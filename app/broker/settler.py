"""Settles ended runs in Redis, many at a time, once they are on record."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from redis.exceptions import ConnectionError, OutOfMemoryError, ReadOnlyError, RedisError, TimeoutError

from app.broker.batches import NOT_FOR_BATCH, finish_many, may_be_finished
from app.broker.leases import Leases
from app.broker.recorder import Claim, End
from app.broker.scripts import scripts
from app.broker.settle import GONE, LOCK_MISSING, NOT_ACTIVE, Settlement

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker

log = logging.getLogger(__name__)

#: An ended run, and the token of its claim.
Ending = tuple[End, str]
RETRY_S = (0.05, 0.1, 0.25, 0.5, 1.0)
SETTLED = 0


def pauses() -> Iterator[float]:
    """How long to wait before each further try, for ever."""
    yield from RETRY_S[:-1]
    while True:
        yield RETRY_S[-1]


class Settler:
    """Called by one thread. It never gives up on an end while Redis is away; ``closing`` ends its pauses."""

    def __init__(self, broker: BullMQBroker, leases: Leases, closing: threading.Event) -> None:
        self._broker = broker
        self._leases = leases
        self._closing = closing

    def finish(self, batch: list[Ending]) -> list[End]:
        """The ends that Redis has confirmed, or no longer needs."""
        left = batch
        confirmed: list[End] = []
        for wait_s in pauses():
            if not left:
                break
            try:
                replies = self._call(left)
            except RedisError as error:
                log.warning("Redis away, %d ends wait: %s", len(left), error)
                self._closing.wait(wait_s)
                continue
            again = []
            for (end, token), reply in zip(left, replies, strict=True):
                if self._may_be_repeated(end, token, reply):
                    again.append((end, token))
                elif reply in (SETTLED, GONE) or (reply in (LOCK_MISSING, NOT_ACTIVE) and self._has_ended(end.claim)):
                    confirmed.append(end)
                elif reply in (LOCK_MISSING, NOT_ACTIVE):
                    log.warning("job %s in queue %s waits again: its row settles it", end.claim.id, end.claim.queue)
                else:
                    log.error("job %s in queue %s was not settled: %r", end.claim.id, end.claim.queue, reply)
            left = again
            if left:
                self._closing.wait(wait_s)
        return confirmed

    def _call(self, batch: list[Ending]) -> list[object]:
        """One reply for each: a code, or what Redis raised."""
        if not self._broker.batched:
            return self._call_one_by_one(batch)
        replies = self._call_at_once(batch)
        alone = [index for index, reply in enumerate(replies) if reply == NOT_FOR_BATCH]
        for index, reply in zip(alone, self._call_one_by_one([batch[index] for index in alone]), strict=True):
            replies[index] = reply
        return replies

    def _call_at_once(self, batch: list[Ending]) -> list[object]:
        replies: list[object] = [NOT_FOR_BATCH] * len(batch)
        by_queue: dict[str, list[int]] = {}
        for index, (end, _) in enumerate(batch):
            if may_be_finished(end):
                by_queue.setdefault(end.claim.queue, []).append(index)
        for queue, places in by_queue.items():
            for index, code in zip(places, self._finish_many(queue, [batch[i] for i in places]), strict=True):
                replies[index] = code
        return replies

    def _finish_many(self, queue: str, ends: list[Ending]) -> Sequence[object]:
        try:
            return finish_many(
                scripts(self._broker.redis),
                self._broker.queue(queue).keys,
                ends,
                now_ms=self._broker.clock.now_ms(),
                metrics_points=self._broker.metrics_points,
            )
        except RedisError as error:
            return [error] * len(ends)

    def _call_one_by_one(self, batch: list[Ending]) -> list[object]:
        if not batch:
            return []
        redis = self._broker.redis
        with redis.pipeline(transaction=False) as pipe:
            settlement = Settlement(scripts(redis), pipe, self._broker.clock.now_ms(), self._broker.metrics_points)
            for end, token in batch:
                settlement.settle(self._broker.queue(end.claim.queue).keys, end, token)
            for queue in {end.claim.queue for end, _ in batch}:
                settlement.wake_maxed(self._broker.queue(queue).keys)
            return pipe.execute(raise_on_error=False)[: len(batch)]

    def _may_be_repeated(self, end: End, token: str, reply: object) -> bool:
        """A missing lock lapsed while we were away, unless an earlier try went through and its reply was lost."""
        if reply == LOCK_MISSING:
            return self._took_lock_again(end.claim, token)
        return isinstance(reply, (ConnectionError, TimeoutError, OutOfMemoryError, ReadOnlyError))

    def _took_lock_again(self, claim: Claim, token: str) -> bool:
        try:
            return self._leases.renew(claim.queue, claim.id, token)
        except RedisError:
            return True  # asked again with the next try

    def _has_ended(self, claim: Claim) -> bool:
        """Whether Redis has the end. After a loss the job may have been added again, and then it has not."""
        try:
            return bool(self._broker.redis.hexists(self._broker.queue(claim.queue).keys[claim.id], "finishedOn"))
        except RedisError:
            return False  # unconfirmed, it is settled from its row once more
