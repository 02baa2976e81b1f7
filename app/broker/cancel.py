"""Ends a job for good, wherever it is: waiting, delayed or running in any process.

A job that waits is taken out and failed here. A job that runs is asked over a channel that every worker process
listens on; its next claim, if it gets away, fails it.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import msgspec
from redis.client import PubSub
from redis.exceptions import RedisError

from app.broker.errors import JobNotFound, WrongState
from app.broker.recorder import Ended, EndKind
from app.broker.taking import end_where_it_waits

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker
    from app.broker.engine import Engine
    from app.broker.queue import Queue

log = logging.getLogger(__name__)

LISTEN_S = 1.0
#: A request can be heard before its run is there: Redis tells of a claim before the claimer has the reply.
#: So long it is kept, and looked at so often.
KEPT_S = 5.0
AGAIN_S = 0.05


class CancelRequest(msgspec.Struct, frozen=True):
    """What goes over the channel."""

    queue: str
    job_id: str
    reason: str


def cancel(broker: BullMQBroker, queue: Queue, job_id: str, reason: str) -> None:
    """Fail the job with that reason. Raises JobNotFound, and WrongState for one that has ended."""
    if broker.recorder:
        broker.recorder.before_cancel(queue.name, job_id, reason)
    failed = Ended(EndKind.FAILED, reason=reason)
    match end_where_it_waits(broker, queue, job_id, failed, worker="cancel", deferred=reason):
        case "taken":
            return
        case "active":
            request = CancelRequest(queue.name, job_id, reason)
            broker.redis.publish(channel(broker.prefix), msgspec.json.encode(request))
        case "ended":
            raise WrongState(queue.name, job_id, queue.job_state(job_id), "waiting, delayed or running")
        case _:
            raise JobNotFound(queue.name, job_id)


def channel(prefix: str) -> str:
    """The channel of all queues under that prefix."""
    return f"{prefix}:cancel"


class CancelListener:
    """Hears requests in a worker process, and interrupts the runs that they name, until the engine closes."""

    def __init__(self, broker: BullMQBroker, engine: Engine) -> None:
        self._broker = broker
        self._engine = engine
        self._unmet: dict[tuple[str, str], float] = {}
        threading.Thread(target=self._listen, name="cancel", daemon=True).start()

    def _listen(self) -> None:
        while not self._engine.closing.is_set():
            subscription = self._broker.redis.pubsub(ignore_subscribe_messages=True)
            try:
                subscription.subscribe(channel(self._broker.prefix))
                self._look_for_missed()
                self._hear(subscription)
            except RedisError as error:
                if not self._engine.closing.wait(LISTEN_S):
                    log.warning("cancel requests are not heard while Redis is away: %s", error)
            finally:
                subscription.close()

    def _hear(self, subscription: PubSub) -> None:
        while not self._engine.closing.is_set():
            message = subscription.get_message(timeout=AGAIN_S if self._unmet else LISTEN_S)
            if message is None:
                self._look_again()
                continue
            request = msgspec.json.decode(message["data"], type=CancelRequest)
            if not self._engine.cancel(request.queue, request.job_id, request.reason):
                self._unmet[request.queue, request.job_id] = time.monotonic() + KEPT_S

    def _look_again(self) -> None:
        now, running = time.monotonic(), set(self._engine.running())
        for job, until in list(self._unmet.items()):
            if now > until or (job in running and self._cancel_if_asked(*job)):
                del self._unmet[job]

    def _look_for_missed(self) -> None:
        """What was asked while this process did not listen stands in the jobs."""
        for queue, job_id in self._engine.running():
            self._cancel_if_asked(queue, job_id)

    def _cancel_if_asked(self, queue: str, job_id: str) -> bool:
        reason = self._broker.redis.hget(self._broker.queue(queue).keys[job_id], "defa")
        return bool(reason) and self._engine.cancel(queue, job_id, str(reason))
