"""The Dramatiq broker that is a BullMQ client: its messages are jobs, its queues are BullMQ's."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from dramatiq import Broker, Consumer, Message, Middleware, Worker
from dramatiq.errors import QueueNotFound
from dramatiq.middleware import AgeLimit, Callbacks, CurrentMessage, Pipelines, ShutdownNotifications

from app.broker.clock import RedisClock
from app.broker.connection import connect
from app.broker.consumer import BullMQConsumer
from app.broker.engine import Engine
from app.broker.errors import TooFewThreads
from app.broker.message import DRAMATIQ
from app.broker.middleware.runs import Runs
from app.broker.middleware.time_limit import TimeLimit
from app.broker.queue import Queue
from app.broker.recorder import Recorder


class BullMQBroker(Broker):
    """A broker on BullMQ's Redis layout.

    ``concurrency`` is how many jobs of each queue one worker process holds at once (1 where it is not given).
    ``recorder`` is told of every job before it becomes true in Redis. ``lock_ms`` is a job's lease, renewed by a keeper
    process; ``shutdown_grace_s`` is what running jobs get after SIGTERM (the worker's own shutdown timeout).
    There are no delay queues and no dead-letter queues: BullMQ's delayed and failed states are those.
    """

    def __init__(
        self,
        url: str = "redis://127.0.0.1:6379/0",
        *,
        prefix: str = "bullmq",
        concurrency: Mapping[str, int] | None = None,
        recorder: Recorder | None = None,
        middleware: Sequence[Middleware] | None = None,
        lock_ms: int = 10_000,
        shutdown_grace_s: float = 30,
    ) -> None:
        self.url = url
        self.prefix = prefix
        self.concurrency = dict(concurrency or {})
        self.recorder = recorder
        self.lock_ms = lock_ms
        self.shutdown_grace_s = shutdown_grace_s
        self.redis = connect(url)
        self.clock = RedisClock(self.redis)
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        chosen = default_middleware() if middleware is None else list(middleware)
        super().__init__(middleware=[Runs(self), *chosen, TimeLimit(self)])
        self.queues: dict[str, Queue] = {}

    @property
    def engine(self) -> Engine:
        """The engine of this worker process; RuntimeError outside of one."""
        if self._engine is None:
            raise RuntimeError("this process runs no worker: start one with the dramatiq command")
        return self._engine

    def start_engine(self, worker: Worker) -> None:
        """Called by the engine's middleware at worker boot. Raises TooFewThreads."""
        consumed = worker.consumer_whitelist or self.get_declared_queues()
        wanted = sum(self.concurrency.get(queue, 1) for queue in consumed)
        if wanted > worker.worker_threads:
            raise TooFewThreads(sorted(consumed), wanted, worker.worker_threads)
        self._engine = Engine(self, worker)

    def queue(self, name: str) -> Queue:
        """A handle on any queue, declared or not."""
        queue = self.queues.get(name)
        return queue if queue is not None else Queue(name, broker=self)

    # --- Dramatiq's Broker

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue that this process may consume. Raises InvalidName for a name with a colon."""
        with self._lock:
            if queue_name in self.queues:
                return
            queue = Queue(queue_name, broker=self)
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = queue
        self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> Consumer:
        """A consumer of that queue. ``prefetch`` is ignored: a process holds what it can run, no more."""
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)
        return BullMQConsumer(self.engine, queue_name, timeout)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Add a message as a job: its id is the message's, its data the keyword arguments."""
        self.declare_queue(message.queue_name)
        self.emit_before("enqueue", message, delay)
        self.queues[message.queue_name].add(
            message.actor_name,
            message.kwargs,
            job_id=message.message_id,
            delay_ms=delay or 0,
            attempts=self._attempts(message),
            backoff=self._option(message, "backoff"),
            opts=_envelope(message),
        )
        self.emit_after("enqueue", message, delay)
        return message

    def flush(self, queue_name: str) -> None:
        """Remove every job of a queue, whatever its state; for tests."""
        keys = self.queue(queue_name).keys
        for key in self.redis.scan_iter(match=f"{keys['']}*", count=1000):
            self.redis.delete(key)

    def flush_all(self) -> None:
        """The same for every declared queue; for tests."""
        for name in self.queues:
            self.flush(name)

    def _attempts(self, message: Message[Any]) -> int:
        """``attempts``, or Dramatiq's ``max_retries`` and the first run."""
        if attempts := self._option(message, "attempts"):
            return int(attempts)
        retries = self._option(message, "max_retries")
        return 1 if retries is None else int(retries) + 1

    def _option(self, message: Message[Any], name: str) -> Any:
        """The message's own option, or else its actor's."""
        if name in message.options:
            return message.options[name]
        actor = self.actors.get(message.actor_name)
        return actor.options.get(name) if actor else None


def default_middleware() -> list[Middleware]:
    """Dramatiq's own, without ``Retries`` (the engine retries) and the Prometheus exporter (it binds a port)."""
    return [AgeLimit(), ShutdownNotifications(), Callbacks(), Pipelines(), CurrentMessage()]


def _envelope(message: Message[Any]) -> dict[str, Any]:
    """What only Dramatiq understands, carried within the job's options; nothing if there is nothing."""
    extra: dict[str, Any] = {}
    if message.args:
        extra["args"] = list(message.args)
    if message.options:
        extra["options"] = message.options
    return {DRAMATIQ: extra} if extra else {}
