"""Settles the ended runs of a worker process, many at a time: first the record, then Redis."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from redis.exceptions import ConnectionError, OutOfMemoryError, ReadOnlyError, RedisError, TimeoutError

from app.broker import told
from app.broker.admission import Admission
from app.broker.batches import NOT_FOR_BATCH, finish_many, may_be_finished
from app.broker.leases import Leases
from app.broker.recorder import Claim, End, EndKind, RecorderUnavailable
from app.broker.scripts import scripts
from app.broker.settle import GONE, LOCK_MISSING, NOT_ACTIVE, Settlement

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker

log = logging.getLogger(__name__)

MOST_AT_ONCE = 256
#: While claimed jobs still wait for their thread, ends gather: so many, or so long.
GATHERED = 64
GATHER_S = 0.005
RETRY_S = (0.05, 0.1, 0.25, 0.5, 1.0)
SETTLED = 0


class Finisher:
    """One thread. Whatever has ended while it settled one batch is the next batch.

    While jobs ``wait_for_threads`` that end in a moment, it lets a few milliseconds of ends gather; else it starts at
    once. It never gives up on an end: while the record or Redis is away it tries again, and the unsettled ends stop
    claims.
    """

    def __init__(
        self, broker: BullMQBroker, leases: Leases, admission: Admission, wait_for_threads: Callable[[], bool]
    ) -> None:
        self._broker = broker
        self._leases = leases
        self._admission = admission
        self._changed = threading.Condition()
        self._wait_for_threads = wait_for_threads
        self._ended: list[tuple[End, str]] = []
        self._confirmed: list[End] = []
        self._gathering_since = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="finisher", daemon=True)
        self._thread.start()

    def hand_over(self, end: End, token: str) -> None:
        """Take one ended run, and the token of its claim. Never raises, never waits."""
        with self._changed:
            if not self._ended:
                self._gathering_since = time.monotonic()
            self._ended.append((end, token))
            if self._is_worth_a_batch():
                self._changed.notify()

    def look_again(self) -> None:
        """No claimed job waits for its thread any more: settle what there is."""
        with self._changed:
            if self._ended:
                self._changed.notify()

    def _is_worth_a_batch(self) -> bool:
        return bool(self._ended) and (
            len(self._ended) >= GATHERED
            or time.monotonic() - self._gathering_since > GATHER_S
            or not self._wait_for_threads()
        )

    def close(self, timeout_s: float) -> None:
        """Settle what was handed over, for at most that long."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while batch := self._take():
            self._settle(batch)

    def _take(self) -> list[tuple[End, str]]:
        with self._changed:
            self._changed.wait_for(lambda: self._is_worth_a_batch() or self._closing.is_set())
            batch, self._ended = self._ended[:MOST_AT_ONCE], self._ended[MOST_AT_ONCE:]
        return batch

    def _settle(self, batch: list[tuple[End, str]]) -> None:
        owned = self._record(batch)
        confirmed = self._finish(owned)
        told.ended(confirmed)
        if self._broker.recorder:
            self._confirmed += (end for end in confirmed if end.kind in (EndKind.COMPLETED, EndKind.FAILED))
        if not self._ended:  # else they go with the next batch: one commit less
            self._confirm()
        for end, token in batch:
            self._leases.settled(end.claim.queue, end.claim.id, token)
        self._admission.settled(len(batch))

    def _record(self, batch: list[tuple[End, str]]) -> list[tuple[End, str]]:
        recorder = self._broker.recorder
        if recorder is None:
            return batch
        ends = [end for end, _ in batch]
        for wait_s in self._pauses():
            try:
                owns = recorder.before_settle(ends, self._confirmed)
                self._confirmed = []
                break
            except RecorderUnavailable as error:
                log.warning("record away, %d ends wait: %s", len(ends), error)
                self._closing.wait(wait_s)
        for (end, _), owner in zip(batch, owns, strict=True):
            if not owner:
                log.warning("run of job %s in queue %s no longer owns it; dropped", end.claim.id, end.claim.queue)
        return [item for item, owner in zip(batch, owns, strict=True) if owner]

    def _finish(self, batch: list[tuple[End, str]]) -> list[End]:
        """The ends that Redis has confirmed, or no longer needs."""
        left = batch
        confirmed: list[End] = []
        for wait_s in self._pauses():
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

    def _call(self, batch: list[tuple[End, str]]) -> list[object]:
        """One reply for each: a code, or what Redis raised."""
        if not self._broker.batched:
            return self._call_one_by_one(batch)
        replies = self._call_at_once(batch)
        alone = [index for index, reply in enumerate(replies) if reply == NOT_FOR_BATCH]
        for index, reply in zip(alone, self._call_one_by_one([batch[index] for index in alone]), strict=True):
            replies[index] = reply
        return replies

    def _call_at_once(self, batch: list[tuple[End, str]]) -> list[object]:
        replies: list[object] = [NOT_FOR_BATCH] * len(batch)
        by_queue: dict[str, list[int]] = {}
        for index, (end, _) in enumerate(batch):
            if may_be_finished(end):
                by_queue.setdefault(end.claim.queue, []).append(index)
        for queue, places in by_queue.items():
            for index, code in zip(places, self._finish_many(queue, [batch[i] for i in places]), strict=True):
                replies[index] = code
        return replies

    def _finish_many(self, queue: str, ends: list[tuple[End, str]]) -> Sequence[object]:
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

    def _call_one_by_one(self, batch: list[tuple[End, str]]) -> list[object]:
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

    def _confirm(self) -> None:
        ends, self._confirmed = self._confirmed, []
        recorder = self._broker.recorder
        if recorder is None or not ends:
            return
        try:
            recorder.settled(ends)
        except RecorderUnavailable as error:
            # The reconciler settles what was never confirmed: finishing a finished job changes nothing.
            log.warning("%d settled ends were not confirmed in the record: %s", len(ends), error)

    def _pauses(self) -> Iterator[float]:
        yield from RETRY_S[:-1]
        while True:
            yield RETRY_S[-1]
