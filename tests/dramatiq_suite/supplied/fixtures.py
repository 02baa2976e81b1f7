"""Becomes the tests' ``conftest``. With ``SUITE_ROUND=everything`` our broker also stands in for StubBroker."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import dramatiq
import pytest
from dramatiq import Broker, Worker
from dramatiq.brokers import redis, stub
from dramatiq.rate_limits import RateLimiterBackend
from dramatiq.rate_limits import backends as rate_limits
from dramatiq.results import ResultBackend
from dramatiq.results import backends as results

from app.broker.broker import BullMQBroker
from app.broker.connection import connect
from app.broker.results import JobResults

URL = os.environ["SUITE_REDIS_URL"]
EVERYTHING = os.environ["SUITE_ROUND"] == "everything"
RESULTS = ["redis", "stub", "job"] if EVERYTHING else ["redis", "stub"]


@pytest.fixture
def redis_broker() -> Iterator[Broker]:
    """The broker under test, on an empty Redis."""
    connect(URL).flushall()
    yield from served(redis.RedisBroker())


@pytest.fixture
def stub_broker() -> Iterator[Broker]:
    """Dramatiq's broker in memory, or ours in its place."""
    connect(URL).flushall()
    yield from served(redis.RedisBroker() if EVERYTHING else stub.StubBroker())


def served(broker: Broker) -> Iterator[Broker]:
    """As the process's broker, emptied afterwards."""
    broker.emit_after("process_boot")
    dramatiq.set_broker(broker)
    yield broker
    broker.flush_all()
    broker.close()


@pytest.fixture
def redis_worker(redis_broker: Broker) -> Iterator[Worker]:
    """A worker on the broker under test."""
    yield from working(redis_broker)


@pytest.fixture
def stub_worker(stub_broker: Broker) -> Iterator[Worker]:
    """A worker on the other one."""
    yield from working(stub_broker)


def working(broker: Broker) -> Iterator[Worker]:
    """As Dramatiq's fixtures start it."""
    worker = Worker(broker, worker_timeout=100, worker_threads=32)
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def start_cli() -> Iterator[Callable[..., Any]]:
    """Starts the dramatiq command on a broker of a test module."""
    started: list[subprocess.Popen[bytes]] = []

    def start(module: str, *, extra_args: list[str] | None = None, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dramatiq", module, *(extra_args or [])]
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def redis_result_backend() -> ResultBackend:
    """Dramatiq's, on an empty Redis."""
    connect(URL).flushall()
    backend: ResultBackend = results.RedisBackend(url=URL)
    return backend


@pytest.fixture(params=RESULTS)
def result_backend(request: pytest.FixtureRequest, stub_broker: Broker) -> ResultBackend:
    """Dramatiq's two that need no other server, and ours."""
    if isinstance(stub_broker, BullMQBroker) and request.param == "job":
        return JobResults(stub_broker)
    backend: ResultBackend = results.RedisBackend(url=URL) if request.param == "redis" else results.StubBackend()
    return backend


@pytest.fixture(params=["redis", "stub"])
def rate_limiter_backend(request: pytest.FixtureRequest) -> RateLimiterBackend:
    """Dramatiq's, on an empty Redis or in memory."""
    connect(URL).flushall()
    redis_backend: RateLimiterBackend = rate_limits.RedisBackend(url=URL)
    return redis_backend if request.param == "redis" else rate_limits.StubBackend()
