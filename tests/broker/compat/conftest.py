"""The process's broker, as Dramatiq's users set it, and what these tests say often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import dramatiq
import pytest
from dramatiq import Message, Worker

from app.broker.broker import BullMQBroker
from app.broker.current import current_job
from app.broker.queue import Queue

Working = Callable[..., AbstractContextManager[Worker]]
Actor = dramatiq.Actor[..., Any]

JOIN_MS = 10_000


@pytest.fixture
def broker(redis_url: str) -> Iterator[BullMQBroker]:
    """The process's broker, as ``dramatiq.set_broker`` makes it."""
    broker = BullMQBroker(redis_url, prefix="test", concurrency={"default": 4})
    dramatiq.set_broker(broker)
    yield broker
    dramatiq.set_broker(None)  # type: ignore[arg-type]  # the next test begins as this one did


@pytest.fixture
def queue(broker: BullMQBroker) -> Queue:
    """Dramatiq's queue for actors that name none."""
    broker.declare_queue("default")
    return broker.queue("default")


@contextmanager
def serving(broker: BullMQBroker, queues: set[str] | None = None) -> Iterator[Worker]:
    """A worker on that broker, for some of its queues."""
    worker = Worker(broker, queues=queues, worker_threads=4, worker_timeout=100)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(timeout=5_000)


def declare(name: str, body: Callable[..., Any], **options: Any) -> Actor:
    """An actor of that name."""
    actor: Actor = dramatiq.actor(actor_name=name, **options)(body)
    return actor


def unsent(message_id: str) -> Message[Any]:
    """A message of that id, as somebody else may have sent it."""
    return Message(queue_name="default", actor_name="x", args=(), kwargs={}, options={}, message_id=message_id)


def failing(**options: Any) -> tuple[Actor, list[int]]:
    """An actor that always fails, and its starts so far (ms)."""
    starts: list[int] = []

    @dramatiq.actor(actor_name="fail", **options)
    def fail() -> None:
        starts.append(current_job().started_ms)
        raise RuntimeError(f"broken {len(starts)}")

    return fail, starts
