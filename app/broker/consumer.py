"""Dramatiq's Consumer: one queue's claims go to the threads, its ends to the finisher. It holds nothing itself."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dramatiq import Consumer, MessageProxy
from redis.exceptions import ConnectionError, OutOfMemoryError, ReadOnlyError, RedisError, TimeoutError

from app.broker import outcome
from app.broker.message import JobMessage

if TYPE_CHECKING:
    from app.broker.engine import Engine

log = logging.getLogger(__name__)

#: What passes by itself.
AWAY = (ConnectionError, TimeoutError, OutOfMemoryError, ReadOnlyError)
RETRY_S = (0.05, 0.1, 0.25, 0.5, 1.0)


class BullMQConsumer(Consumer):
    """A view on the engine's claimer of this queue. ``timeout_ms`` bounds one wait for room."""

    def __init__(self, engine: Engine, queue: str, timeout_ms: int) -> None:
        self._engine = engine
        self._claimer = engine.claimer(queue)
        self._timeout_s = timeout_ms / 1000
        self._failures = 0

    def __next__(self) -> None:
        """Claim once, and deliver what there is: a batch at once, since the way through Dramatiq is one by one.

        While Redis is away it waits here: raised, the error would cost the three seconds of Dramatiq's restart.
        """
        if self._engine.admission.closed:
            self._engine.closing.wait(self._timeout_s)
            return
        try:
            messages = self._claimer.next(self._timeout_s)
        except AWAY as error:
            self._wait_for_redis(error)
            return
        self._failures = 0
        self._engine.deliver(messages)

    def _wait_for_redis(self, error: RedisError) -> None:
        wait_s = RETRY_S[min(self._failures, len(RETRY_S) - 1)]
        log.log(logging.DEBUG if self._failures else logging.WARNING, "queue %s waits: %s", self._claimer.queue, error)
        self._failures += 1
        self._engine.closing.wait(wait_s)

    def ack(self, message: MessageProxy) -> None:
        """Hand the end over; it is settled in the next batch. Never raises."""
        if not isinstance(message, JobMessage):
            log.warning("message %s was never claimed here; nothing to end", message.message_id)
            return
        if message.end is None:
            message.end = outcome.unknown(message)
        self._engine.ended(message, message.end)

    nack = ack

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Hand back what was claimed and never started."""
        left = [message for message in messages if isinstance(message, JobMessage)]
        for message in left:
            self._engine.forget(message)
        self._engine.hand_back(left, "the worker was stopped before it started")
