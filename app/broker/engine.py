"""What runs in a worker process: claimers, the finisher, the keeper, and the gate between them."""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import socket
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dramatiq import Worker
from redis.exceptions import RedisError

from app.broker.admission import Admission
from app.broker.cancel import CancelListener
from app.broker.claimer import Claimer
from app.broker.finisher import Finisher
from app.broker.interrupts import Cancelled, Interrupts
from app.broker.leases import Leases
from app.broker.message import JobMessage
from app.broker.recorder import End, EndKind, RecorderUnavailable
from app.broker.watchdog import Watchdog
from app.broker.work_queue import WorkQueue

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker

log = logging.getLogger(__name__)

SETTLE_AT_SHUTDOWN_S = 10
#: The keeper is not told of jobs that are done sooner: most are, and the telling would cost more than they.
TELL_AFTER_S = 0.5


class Engine:
    """One per worker process, from its boot to its shutdown."""

    def __init__(self, broker: BullMQBroker, worker: Worker) -> None:
        self._broker = broker
        self.lock_ms = broker.lock_ms
        self.worker_name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        worker.work_queue = self.work_queue = WorkQueue(on_drained=self._look_again)
        self.admission = Admission(broker.concurrency, self.work_queue.has_work)
        self.leases = Leases(
            url=broker.url,
            prefix=broker.prefix,
            worker=self.worker_name,
            lock_ms=broker.lock_ms,
            grace_s=broker.shutdown_grace_s + 5,
            tell_after_s=TELL_AFTER_S,
            report_faults=True,
            on_lost=self._lost,
        )
        self.finisher = Finisher(broker, self.leases, self.admission, self.work_queue.has_work)
        self.interrupts = Interrupts()
        self.closing = threading.Event()
        self._tokens = itertools.count(1)
        self._claimers: dict[str, Claimer] = {}
        self._running: dict[tuple[str, str], JobMessage] = {}
        self._lock = threading.Lock()
        self._watchdog = Watchdog(worker, self.finisher.threads)
        CancelListener(broker, self)

    def next_token(self) -> str:
        """A lock token of its own for every claim, so that a zombie and its re-run differ even in one process."""
        return f"{self.worker_name}:{next(self._tokens)}"

    def claimer(self, queue: str) -> Claimer:
        """The claimer of that queue, the same for every Consumer that Dramatiq makes."""
        self.leases.watch(queue)
        with self._lock:
            return self._claimers.setdefault(queue, Claimer(queue, self._broker, self))

    def deliver(self, messages: Sequence[JobMessage]) -> None:
        """Give these jobs to the threads."""
        if not messages:
            return
        for message in messages:
            self._running[message.queue_name, message.message_id] = message
        self.work_queue.put_batch((self._broker.actors[message.actor_name].priority, message) for message in messages)

    def _look_again(self) -> None:
        self.admission.look_again()
        self.finisher.look_again()

    def running(self) -> list[tuple[str, str]]:
        """Queue and id of every job in Dramatiq's hands."""
        return list(self._running)

    def cancel(self, queue: str, job_id: str, reason: str) -> bool:
        """Interrupt that run, if it is one of ours; whether it was."""
        message = self._running.get((queue, job_id))
        if message is None:
            return False
        message.cancelled = reason
        return self.interrupts.interrupt((queue, job_id), Cancelled)

    def forget(self, message: JobMessage) -> bool:
        """Whether the job was in Dramatiq's hands; it is not any more."""
        return self._running.pop((message.claim.queue, message.claim.id), None) is not None

    def ended(self, message: JobMessage, end: End) -> None:
        """A run is over: its slot is free at once, its end is settled in the next batch."""
        if not self.forget(message):
            return  # handed back at shutdown while it ran
        self.admission.ended(message.claim.queue)
        if end.kind is EndKind.RELEASED:
            self.hand_back([message], end.reason)
            self.admission.settled(1)
        else:
            self.finisher.hand_over(end, message.token)

    def hand_back(self, messages: Sequence[JobMessage], reason: str) -> None:
        """Claimed jobs that this process will not finish: back to where they waited, uncharged."""
        if not messages:
            return
        now_ms = self._broker.clock.now_ms()
        ends = [
            End(m.claim, m.start, EndKind.RELEASED, m.started_ms or now_ms, now_ms, reason=reason) for m in messages
        ]
        try:
            if self._broker.recorder:
                self._broker.recorder.before_settle(ends)
            for message in messages:
                self.leases.hand_back(message.claim.queue, message.claim.id, message.token)
        except (RecorderUnavailable, RedisError) as error:
            # The keeper hands back what it still holds when this process ends.
            log.warning("%d jobs were not handed back by the worker: %s", len(ends), error)

    def stop_claiming(self) -> None:
        """From now on a death of this process is not its jobs' fault."""
        self.leases.stopping()
        self.admission.close()
        self.closing.set()
        for claimer in self._claimers.values():
            try:
                claimer.unblock()
            except RedisError as error:
                log.warning("queue %s was not unblocked: %s", claimer.queue, error)

    def close(self) -> None:
        """Hand back what still runs or never started, settle what has ended, let the keeper go."""
        self._watchdog.close()
        left = [message for claimer in self._claimers.values() for message in claimer.unstarted()]
        while self._running:
            left.append(self._running.popitem()[1])
        self.hand_back(left, "the worker was stopped")
        self.finisher.close(SETTLE_AT_SHUTDOWN_S)
        for claimer in self._claimers.values():
            claimer.close()
        self.leases.close()

    def _lost(self, queue: str, job_id: str, token: str) -> None:
        log.warning("job %s in queue %s is held by another worker now; its end here will be dropped", job_id, queue)
