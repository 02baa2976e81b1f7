"""Both sides on one Redis: BullMQ in Node, and a Dramatiq worker in this process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import dramatiq
import pytest
from dramatiq import Worker

from app.broker.broker import BullMQBroker
from app.broker.job import Job
from app.broker.queue import Queue
from tests.interop.node import HERE, Node
from tests.servers import wait_for

PREFIX = "test"
Working = Callable[[], AbstractContextManager[Worker]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without Node these tests say so; where CI promises it, its absence is a failure."""
    reason = missing()
    if reason is None or os.environ.get("CI") == "true":
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


def missing() -> str | None:
    """What the tests lack; None if they can run."""
    if shutil.which("node") is None:
        return "Node is not installed: interoperation with BullMQ was not tested"
    if not (HERE / "node_modules" / "bullmq").exists():
        return "BullMQ is not installed here: npm ci --prefix tests/interop"
    return None


@pytest.fixture(scope="session")
def node_process() -> Iterator[Node]:
    """One Node process for all tests: a start costs as much as twenty of them."""
    reason = missing()
    assert reason is None, reason
    process = Node()
    yield process
    process.end()


@pytest.fixture
def node(node_process: Node, redis_url: str) -> Iterator[Node]:
    """BullMQ on an empty Redis."""
    node_process.connect(redis_url, PREFIX)
    yield node_process
    node_process.call("close")


@pytest.fixture
def broker(redis_url: str) -> BullMQBroker:
    """The engine alone, on the same Redis."""
    return BullMQBroker(redis_url, prefix=PREFIX, concurrency={"mail": 4}, metrics_points=60)


@pytest.fixture
def queue(broker: BullMQBroker) -> Queue:
    """The queue that both sides use."""
    broker.declare_queue("mail")
    return broker.queue("mail")


@pytest.fixture
def working(broker: BullMQBroker) -> Working:
    """A context manager that runs a real Dramatiq worker on the broker's queues."""

    @contextmanager
    def run() -> Iterator[Worker]:
        worker = Worker(broker, worker_threads=8, worker_timeout=100)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop(timeout=5_000)

    return run


@pytest.fixture
def actor(broker: BullMQBroker) -> Callable[..., None]:
    """Declares an actor of that name on the queue ``mail``."""

    def declare(name: str, body: Callable[..., object], **options: object) -> None:
        dramatiq.actor(body, actor_name=name, queue_name="mail", broker=broker, **options)  # type: ignore[call-overload]  # options are Dramatiq's

    return declare


def ended(queue: Queue, job_id: str, state: str = "completed") -> Job:
    """The job, once it is in that state."""
    wait_for(lambda: queue.job_state(job_id) == state, f"job {job_id} to be {state}")
    job = queue.get_job(job_id)
    assert job is not None
    return job
