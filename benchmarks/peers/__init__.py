"""The peers, one module each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any, Protocol, cast

from benchmarks.order import Due, Order

NAMES = (
    *("toril", "toril_ledger", "toril_ledger_postgresql", "bullmq_node", "stock_dramatiq", "bullmq_python"),
    *("celery", "huey", "rq", "taskiq"),
)
QUEUE = "bench"


class Peer(Protocol):
    """What a peer's module has."""

    #: Its name in the report.
    TITLE: str
    #: Concurrencies of one worker process that are worth trying.
    CONCURRENCIES: tuple[int, ...]
    #: Of the full number of jobs, the part that a slow peer gets.
    SHARE: float
    #: Workloads that it has no way to run, and why.
    CANNOT: dict[str, str]
    #: The Python packages that it stands on.
    PACKAGES: tuple[str, ...]

    @property
    def worker(self) -> Callable[[int], list[str]]:
        """The command of one worker process, by its concurrency."""


class Producer(Protocol):
    """What the module of a peer in Python has besides; another brings ``producer(order) -> command`` instead."""

    @property
    def add(self) -> Callable[[str, Due], None]:
        """Add one job."""

    @property
    def add_bulk(self) -> Callable[[str, Sequence[Due]], None]:
        """Add many in the fastest way that the peer documents."""


def clear(name: str) -> None:
    """Empty what the peer keeps besides Redis, if anything."""
    own: Any = getattr(load(name), "clear", None)
    if own is not None:
        own()


def load(name: str) -> Peer:
    """The peer's module. Raises ImportError, saying what is missing."""
    return cast("Peer", import_module(f"benchmarks.peers.{name}"))


def load_producer(name: str) -> Producer:
    """The same module, as who adds."""
    return cast("Producer", load(name))


def producer_command(name: str, order: Order) -> list[str]:
    """The command of a process that carries out the order."""
    own: Any = getattr(load(name), "producer", None)
    if own is not None:
        return cast("list[str]", own(order.to_json()))
    return [sys.executable, "-m", "benchmarks.produce", name, order.to_json()]


def versions(name: str) -> dict[str, str]:
    """What the peer stands on, with versions."""
    peer = load(name)
    own: dict[str, str] = getattr(peer, "versions", dict)()
    return {package: version(package) for package in peer.PACKAGES} | own


def redis_url() -> str:
    """The Redis of this run."""
    return os.environ["BENCH_REDIS_URL"]


def concurrency() -> int:
    """The concurrency of this worker process."""
    return int(os.environ.get("BENCH_CONCURRENCY", "1"))
