"""The Dramatiq broker that is a BullMQ client: its messages are jobs, its queues are BullMQ's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dramatiq.middleware
from dramatiq import Actor, Broker, Consumer, Message, Middleware, Worker
from dramatiq.errors import QueueJoinTimeout, QueueNotFound
from dramatiq.middleware import AgeLimit, CurrentMessage, MiddlewareError
from dramatiq.results import Results
from redis import Redis

from app.broker.clock import RedisClock
from app.broker.connection import connect
from app.broker.consumer import BullMQConsumer
from app.broker.engine import Engine
from app.broker.epoch import Guarded
from app.broker.errors import TooFewThreads
from app.broker.events import QueueEvents
from app.broker.message import envelope
from app.broker.middleware.callbacks import Callbacks
from app.broker.middleware.pipelines import Pipelines
from app.broker.middleware.retries import Retries
from app.broker.middleware.runs import Runs
from app.broker.middleware.shutdown import ShutdownNotifications
from app.broker.middleware.time_limit import TimeLimit
from app.broker.options import Backoffs
from app.broker.queue import Queue
from app.broker.recorder import Recorder
from app.broker.results import JobResults

#: Dramatiq's middleware that the engine does the work of; beside it, they would do it twice.
REPLACED = (dramatiq.middleware.Retries, dramatiq.middleware.TimeLimit)
LOOK_EVERY_S = 1.0


class BullMQBroker(Broker):
    """A broker on BullMQ's Redis layout.

    ``concurrency`` is how many jobs of each queue one worker process holds at once (1 where it is not given).
    ``default_actors`` are actors by queue: any name of a job there is a label on it, but the names of its other actors.
    ``recorder`` is told of every job before it becomes true in Redis. ``guarded`` says whether somebody brings back
    what Redis loses: after a loss claims then wait for the queues' settings (``epoch.py``); without it they never wait.
    ``lock_ms`` is a job's lease, renewed by a keeper process; ``shutdown_grace_s`` is what running jobs get after
    SIGTERM (the worker's own shutdown timeout).
    ``middleware`` takes the place of ``default_middleware()``; ``retries`` are the defaults of messages that do not say
    their own; ``backoffs`` are waits by name, for jobs whose backoff has that type.
    ``metrics_points`` is for how many minutes each queue counts its ends (BullMQ's metrics; 0 for not at all).
    ``batched`` False takes BullMQ's own scripts on the hot paths too, one job a call (``batches.py``).
    There are no delay queues and no dead-letter queues: BullMQ's delayed and failed states are those.
    """

    def __init__(
        self,
        url: str = "redis://127.0.0.1:6379/0",
        *,
        prefix: str = "bullmq",
        concurrency: Mapping[str, int] | None = None,
        default_actors: Mapping[str, str] | None = None,
        recorder: Recorder | None = None,
        guarded: Guarded | None = None,
        middleware: Sequence[Middleware] | None = None,
        retries: Retries | None = None,
        backoffs: Backoffs | None = None,
        lock_ms: int = 10_000,
        shutdown_grace_s: float = 30,
        metrics_points: int = 0,
        batched: bool = True,
    ) -> None:
        self.url = url
        self.prefix = prefix
        self.concurrency = dict(concurrency or {})
        self.default_actors = dict(default_actors or {})
        self.recorder = recorder
        self.guarded = guarded
        self.lock_ms = lock_ms
        self.shutdown_grace_s = shutdown_grace_s
        self.metrics_points = metrics_points
        self.batched = batched
        self.backoffs = dict(backoffs or {})
        self.redis = connect(url)
        self.clock = RedisClock(self.redis)
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._retries = retries or Retries()
        self._hooks: dict[str, list[Callable[..., None]]] = {}
        # First and last are the engine's: see ``add_middleware``.
        super().__init__(middleware=[])
        self.queues: dict[str, Queue] = {}
        for own in (Runs(self), self._retries, TimeLimit(self)):
            super().add_middleware(own)
        self.add_middleware(Results(backend=JobResults(self), store_results=True))
        for one in default_middleware() if middleware is None else middleware:
            self.add_middleware(one)

    @property
    def engine(self) -> Engine:
        """The engine of this worker process; RuntimeError outside of one."""
        if self._engine is None:
            raise RuntimeError("this process runs no worker: start one with the dramatiq command")
        return self._engine

    @property
    def client(self) -> Redis:
        """The Redis client, under the name that Dramatiq's RedisBroker has for it."""
        return self.redis

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

    def actor_of(self, queue: str, job_name: str) -> str:
        """The name of the actor that runs such a job; this process may not have it."""
        default = self.default_actors.get(queue)
        if default is None:
            return job_name
        named = self.actors.get(job_name)
        return job_name if named is not None and named.queue_name == queue else default

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

    def declare_actor(self, actor: Actor[Any, Any]) -> None:
        """Declare an actor and its queue. Raises ValueError for a negative priority, which BullMQ does not have."""
        if actor.priority < 0:
            raise ValueError(f"actor {actor.actor_name!r} has priority {actor.priority}; 0 comes before all others")
        super().declare_actor(actor)

    def add_middleware(
        self, middleware: Middleware, *, before: type[Middleware] | None = None, after: type[Middleware] | None = None
    ) -> None:
        """Add a middleware where it says, or behind all others but the engine's last two.

        So its hooks run within the time limit, and find ``message.failed`` decided. Raises ValueError for Dramatiq's
        ``Retries`` and ``TimeLimit``.
        """
        if isinstance(middleware, REPLACED):
            raise ValueError(
                f"the engine does the work of {type(middleware).__name__}: give actors its options instead"
            )
        if before is None and after is None:
            before = Retries
        self._hooks.clear()
        super().add_middleware(middleware, before=before, after=after)
        self._hooks.clear()

    def emit_before(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """Call the hooks of the middleware that has one; only a MiddlewareError passes."""
        name = f"before_{signal}"
        for hook in self._hooks_of(name):
            try:
                hook(self, *args, **kwargs)
            except MiddlewareError:
                raise
            except Exception:
                self.logger.critical("Unexpected failure in %s of %r.", name, hook, exc_info=True)

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """The same, from the last to the first; no error passes."""
        name = f"after_{signal}"
        for hook in reversed(self._hooks_of(name)):
            try:
                hook(self, *args, **kwargs)
            except Exception:
                self.logger.critical("Unexpected failure in %s of %r.", name, hook, exc_info=True)

    def _hooks_of(self, name: str) -> list[Callable[..., None]]:
        """Most middleware leaves most hooks empty; calling those would cost more than a short job."""
        hooks = self._hooks.get(name)
        if hooks is None:
            empty = getattr(Middleware, name)
            found = (getattr(middleware, name) for middleware in self.middleware)
            hooks = [hook for hook in found if getattr(hook, "__func__", hook) is not empty]
            self._hooks[name] = hooks
        return hooks

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Add a message as a job: its id is the message's, its data the keyword arguments.

        Returns the message with the job's timestamp, which is Redis's time. A message whose job still exists is not
        added again.
        """
        self.declare_queue(message.queue_name)
        self.emit_before("enqueue", message, delay)
        queue = self.queues[message.queue_name]
        job = queue.new_job(
            message.actor_name,
            message.kwargs,
            job_id=message.message_id,
            delay_ms=delay or 0,
            priority=self._priority(message),
            opts=envelope(message),
            **self._retries.job_options(self, message),
        )
        queue.add_bulk([job])
        enqueued = message.copy(message_timestamp=job.added_ms)
        self.emit_after("enqueue", enqueued, delay)
        return enqueued

    def _priority(self, message: Message[Any]) -> int:
        """The message's own, or else its actor's: in both worlds a lower number is sooner, and 0 is soonest."""
        actor = self.actors.get(message.actor_name)
        return int(message.options.get("priority", actor.priority if actor else 0))

    def join(self, queue_name: str, *, timeout: int | None = None) -> None:
        """Return when every job of a queue has ended, delayed ones too; for tests.

        Raises QueueJoinTimeout when that takes longer than ``timeout`` ms.
        """
        queue = self.queue(queue_name)
        deadline = None if timeout is None else time.monotonic() + timeout / 1000
        events = QueueEvents(queue)
        while any(count for state, count in queue.get_job_counts().items() if state not in ("completed", "failed")):
            left_s = LOOK_EVERY_S if deadline is None else min(deadline - time.monotonic(), LOOK_EVERY_S)
            if left_s <= 0:
                raise QueueJoinTimeout(queue_name)
            events.read(left_s)

    def flush(self, queue_name: str) -> None:
        """Remove every job of a queue, whatever its state; for tests."""
        keys = self.queue(queue_name).keys
        for key in self.redis.scan_iter(match=f"{keys['']}*", count=1000):
            self.redis.delete(key)

    def flush_all(self) -> None:
        """The same for every declared queue; for tests."""
        for name in self.queues:
            self.flush(name)


def default_middleware() -> list[Middleware]:
    """Dramatiq's own, without the Prometheus exporter (it binds a port); the engine's are not among them."""
    return [AgeLimit(), ShutdownNotifications(), Callbacks(), Pipelines(), CurrentMessage()]
