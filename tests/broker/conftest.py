"""A broker on an empty Redis, and a worker in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from dramatiq import Worker

from app.broker.broker import BullMQBroker
from app.broker.finisher import Finisher
from app.broker.recorder import End


@pytest.fixture
def broker(redis_url: str) -> BullMQBroker:
    """A broker without a recorder: the engine works alone."""
    return BullMQBroker(redis_url, prefix="test", concurrency={"mail": 2})


@pytest.fixture
def working(broker: BullMQBroker) -> Callable[..., AbstractContextManager[Worker]]:
    """A context manager that runs a real Dramatiq worker on the broker's queues."""

    @contextmanager
    def run(threads: int = 8) -> Iterator[Worker]:
        worker = Worker(broker, worker_threads=threads, worker_timeout=100)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop(timeout=5_000)

    return run


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long each run that goes on later was told to wait, in ms: exactly, whatever the machine takes besides."""
    told: list[int] = []
    hand_over = Finisher.hand_over

    def listen(finisher: Finisher, end: End, token: str) -> None:
        if end.due_ms:
            told.append(end.due_ms - end.ended_ms)
        hand_over(finisher, end, token)

    monkeypatch.setattr(Finisher, "hand_over", listen)
    return told
