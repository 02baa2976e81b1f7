"""Becomes the tests' ``__init__``: whoever asks Dramatiq for a RedisBroker gets ours, in every process of the run."""

from __future__ import annotations

import os
from collections.abc import Sequence

import dramatiq.brokers.redis
from dramatiq import Middleware, Worker

from app.broker import grace
from app.broker.broker import BullMQBroker

#: A test of an unknown actor must not wait for a rolling upgrade.
grace.WAIT_MS = 20
#: Where one of Dramatiq's tests would wait for ever, it fails.
JOIN_MS = 30_000


class StandIn(BullMQBroker):
    """Our broker, made and joined as Dramatiq's tests make and join theirs."""

    def __init__(self, *, url: str | None = None, middleware: Sequence[Middleware] | None = None) -> None:
        super().__init__(os.environ["SUITE_REDIS_URL"], middleware=middleware)

    def start_engine(self, worker: Worker) -> None:
        """Dramatiq runs as many jobs at once as it has threads."""
        if self.get_declared_queues() <= {"default"}:
            self.concurrency = {"default": worker.worker_threads}
        super().start_engine(worker)

    def join(self, queue_name: str, *, timeout: int | None = None, fail_fast: bool | None = None) -> None:
        """``fail_fast`` is StubBroker's: it raises what an actor raised, which is never known here."""
        super().join(queue_name, timeout=timeout or JOIN_MS)


dramatiq.brokers.redis.RedisBroker = StandIn  # type: ignore[misc, assignment]  # that is the point
