"""Ends a job for good, wherever it is: waiting, delayed or running in any process.

A job that waits is taken out and failed here. A job that runs is asked over a channel that every worker process
listens on; its next claim, if it gets away, fails it.
"""

from __future__ import annotations

import logging
import secrets
import threading
from typing import TYPE_CHECKING

import msgspec
from redis.client import PubSub
from redis.exceptions import RedisError

from app.broker import outcome, schedulers
from app.broker.errors import JobNotFound, WrongState
from app.broker.options import attempts
from app.broker.recorder import Claim
from app.broker.scripts import scripts
from app.broker.settle import Settlement

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker
    from app.broker.engine import Engine
    from app.broker.queue import Queue

log = logging.getLogger(__name__)

PARTS = ("active", "wait", "prioritized", "delayed", "waiting-children", "completed", "failed")
LISTEN_S = 1.0


class CancelRequest(msgspec.Struct, frozen=True):
    """What goes over the channel."""

    queue: str
    job_id: str
    reason: str


def cancel(broker: BullMQBroker, queue: Queue, job_id: str, reason: str) -> None:
    """Fail the job with that reason. Raises JobNotFound, and WrongState for one that has ended."""
    if broker.recorder:
        broker.recorder.before_cancel(queue.name, job_id, reason)
    token = f"cancel:{secrets.token_hex(8)}"
    keys = [*queue.keys.all(*PARTS, job_id), queue.keys.lock(job_id)]
    match queue.run("take", keys, [job_id, token, broker.lock_ms, reason]):
        case "taken":
            _fail(broker, queue, job_id, token, reason)
        case "active":
            request = CancelRequest(queue.name, job_id, reason)
            broker.redis.publish(channel(broker.prefix), msgspec.json.encode(request))
        case "ended":
            raise WrongState(queue.name, job_id, queue.job_state(job_id), "waiting, delayed or running")
        case _:
            raise JobNotFound(queue.name, job_id)


def _fail(broker: BullMQBroker, queue: Queue, job_id: str, token: str, reason: str) -> None:
    job = queue.get_job(job_id)
    if job is None:
        raise JobNotFound(queue.name, job_id)
    now_ms = broker.clock.now_ms()
    claim = Claim(
        queue=queue.name,
        id=job_id,
        added_ms=job.timestamp,
        name=job.name,
        data=job.data,
        worker="cancel",
        claimed_ms=now_ms,
        attempt=job.attempts_made,
        attempts=attempts(job.opts),
        crashes=job.crashes,
        deferred_failure=None,
        opts=job.opts,
        stacktrace=job.stacktrace,
    )
    with broker.redis.pipeline(transaction=False) as pipe:
        Settlement(scripts(broker.redis), pipe, now_ms, broker.metrics_points).settle(
            queue.keys, outcome.refused(claim, None, reason, now_ms), token
        )
        pipe.execute()
    if job.scheduler_id:
        schedulers.advance(queue, job)


def channel(prefix: str) -> str:
    """The channel of all queues under that prefix."""
    return f"{prefix}:cancel"


class CancelListener:
    """Hears requests in a worker process, and interrupts the runs that they name, until the engine closes."""

    def __init__(self, broker: BullMQBroker, engine: Engine) -> None:
        self._broker = broker
        self._engine = engine
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
            message = subscription.get_message(timeout=LISTEN_S)
            if message is not None:
                request = msgspec.json.decode(message["data"], type=CancelRequest)
                self._engine.cancel(request.queue, request.job_id, request.reason)

    def _look_for_missed(self) -> None:
        """What was asked while this process did not listen stands in the jobs."""
        for queue, job_id in self._engine.running():
            reason = self._broker.redis.hget(self._broker.queue(queue).keys[job_id], "defa")
            if reason:
                self._engine.cancel(queue, job_id, str(reason))
