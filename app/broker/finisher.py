"""Settles the ended runs of a worker process, many at a time: first the record, then Redis."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.broker import told
from app.broker.admission import Admission
from app.broker.leases import Leases
from app.broker.recorder import End, EndKind, Recorder, RecorderUnavailable
from app.broker.settler import Ending, Settler, pauses

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker

log = logging.getLogger(__name__)

MOST_AT_ONCE = 256
#: While claimed jobs still wait for their thread, ends gather: so many, or so long.
GATHERED = 64
GATHER_S = 0.005


class Finisher:
    """Two threads: one settles a batch in Redis while the other has the next one recorded. Without a recorder, one.

    Whatever has ended meanwhile is the next batch. While jobs ``wait_for_threads`` that end in a moment, it lets a few
    milliseconds of ends gather; else it starts at once. It never gives up on an end: while the record or Redis is away
    it tries again, and the unsettled ends stop claims.
    """

    def __init__(
        self, broker: BullMQBroker, leases: Leases, admission: Admission, wait_for_threads: Callable[[], bool]
    ) -> None:
        self._leases = leases
        self._admission = admission
        self._wait_for_threads = wait_for_threads
        self._recorder = broker.recorder
        self._closing = threading.Event()
        self._settler = Settler(broker, leases, self._closing)

        lock = threading.Lock()
        self._to_record = threading.Condition(lock)
        self._to_settle = threading.Condition(lock)
        self._ended: list[Ending] = []
        self._gathering_since = 0.0
        #: Batches that are on record, each with those of its ends that still owned their job.
        self._recorded: deque[tuple[list[Ending], list[Ending]]] = deque()
        self._is_settling = False
        self._confirmed: list[End] = []  # settled in Redis, and the record does not know yet
        self._has_recorded_all = False

        works = [self._record_all, self._settle_all] if self._recorder else [self._settle_unrecorded]
        self.threads = [threading.Thread(target=work, name="finisher", daemon=True) for work in works]
        for thread in self.threads:
            thread.start()

    def hand_over(self, end: End, token: str) -> None:
        """Take one ended run, and the token of its claim. Never raises, never waits."""
        with self._to_record:
            if not self._ended:
                self._gathering_since = time.monotonic()
            self._ended.append((end, token))
            if self._is_worth_a_batch():
                self._to_record.notify()

    def look_again(self) -> None:
        """No claimed job waits for its thread any more: settle what there is."""
        with self._to_record:
            if self._ended:
                self._to_record.notify()

    def close(self, timeout_s: float) -> None:
        """Settle what was handed over, for at most that long."""
        self._closing.set()
        with self._to_record:
            self._to_record.notify()
        until = time.monotonic() + timeout_s
        for thread in self.threads:
            thread.join(max(until - time.monotonic(), 0))

    def _is_worth_a_batch(self) -> bool:
        return bool(self._ended) and (
            len(self._ended) >= GATHERED
            or time.monotonic() - self._gathering_since > GATHER_S
            or self._closing.is_set()
            or not self._wait_for_threads()
        )

    def _take(self) -> list[Ending]:
        batch, self._ended = self._ended[:MOST_AT_ONCE], self._ended[MOST_AT_ONCE:]
        return batch

    # --- without a recorder

    def _settle_unrecorded(self) -> None:
        while True:
            with self._to_record:
                self._to_record.wait_for(lambda: self._is_worth_a_batch() or self._closing.is_set())
                batch = self._take()
            if not batch:
                return
            self._settle(batch, batch)

    # --- the thread that records

    def _record_all(self) -> None:
        assert self._recorder  # noqa: S101 - this thread is started for one
        while True:
            with self._to_record:
                self._to_record.wait_for(lambda: self._is_worth_a_batch() or self._is_idle())
                batch = self._take()
                # Confirmations go with the next batch, which is one commit less, or alone when there is none.
                confirmed, self._confirmed = self._confirmed, []
                if not batch and not confirmed:
                    self._has_recorded_all = True
                    self._to_settle.notify()
                    return
            if not batch:
                self._confirm(self._recorder, confirmed)
                continue
            owned = self._record(self._recorder, batch, confirmed)
            with self._to_settle:
                self._recorded.append((batch, owned))
                self._to_settle.notify()

    def _is_idle(self) -> bool:
        """Nothing is on its way, and there is a reason to wake up for: confirmations, or the end."""
        is_idle = not self._ended and not self._recorded and not self._is_settling
        return is_idle and (bool(self._confirmed) or self._closing.is_set())

    def _record(self, recorder: Recorder, batch: list[Ending], confirmed: list[End]) -> list[Ending]:
        ends = [end for end, _ in batch]
        for wait_s in pauses():
            try:
                owns = recorder.before_settle(ends, confirmed)
                break
            except RecorderUnavailable as error:
                log.warning("record away, %d ends wait: %s", len(ends), error)
                self._closing.wait(wait_s)
        for end, owner in zip(ends, owns, strict=True):
            if not owner:
                log.warning("run of job %s in queue %s no longer owns it; dropped", end.claim.id, end.claim.queue)
        return [ending for ending, owner in zip(batch, owns, strict=True) if owner]

    def _confirm(self, recorder: Recorder, ends: list[End]) -> None:
        try:
            recorder.settled(ends)
        except RecorderUnavailable as error:
            # The reconciler settles what was never confirmed: finishing a finished job changes nothing.
            log.warning("%d settled ends were not confirmed in the record: %s", len(ends), error)

    # --- the thread that settles

    def _settle_all(self) -> None:
        while True:
            with self._to_settle:
                self._to_settle.wait_for(lambda: self._recorded or self._has_recorded_all)
                if not self._recorded:
                    return
                batch, owned = self._recorded.popleft()
                self._is_settling = True
            confirmed = self._settle(batch, owned)
            with self._to_record:
                self._is_settling = False
                self._confirmed += (end for end in confirmed if end.kind in (EndKind.COMPLETED, EndKind.FAILED))
                self._to_record.notify()

    def _settle(self, batch: list[Ending], owned: list[Ending]) -> list[End]:
        """Returns the ends that Redis has confirmed."""
        confirmed = self._settler.finish(owned)
        told.ended(confirmed)
        for end, token in batch:
            self._leases.settled(end.claim.queue, end.claim.id, token)
        self._admission.settled(len(batch))
        return confirmed
