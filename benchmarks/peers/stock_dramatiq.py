"""Dramatiq with its own RedisBroker."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks import jobs
from benchmarks.order import Due
from benchmarks.peers import QUEUE, redis_url

TITLE = "Dramatiq"
CONCURRENCIES = (8, 32)
SHARE = 1.0
CANNOT: dict[str, str] = {}
PACKAGES = ("dramatiq",)

broker = RedisBroker(url=redis_url())
broker.middleware = [one for one in broker.middleware if type(one).__name__ != "Prometheus"]


@dramatiq.actor(queue_name=QUEUE, broker=broker, max_retries=0)
def run(job: str, number: float) -> None:
    """The one job."""
    jobs.run(job, number)


def worker(concurrency: int) -> list[str]:
    """The dramatiq command on this module."""
    return [sys.executable, "-m", "dramatiq", f"{__name__}:broker", "-p", "1", "-t", str(concurrency)]


def add(job: str, due: Due) -> None:
    """Send one message."""
    number, delay_s = due
    run.send_with_options(kwargs={"job": job, "number": number}, delay=int(delay_s * 1000) or None)


def add_bulk(job: str, dues: Sequence[Due]) -> None:
    """There is no bulk add."""
    for due in dues:
        add(job, due)
