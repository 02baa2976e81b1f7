"""This engine, without a recorder."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import dramatiq

from app.broker.broker import BullMQBroker
from app.broker.recorder import Recorder
from benchmarks import jobs
from benchmarks.order import Due
from benchmarks.peers import QUEUE, concurrency, redis_url

TITLE = "Toril"
CONCURRENCIES = (32, 64, 128)
SHARE = 1.0
CANNOT: dict[str, str] = {}
PACKAGES = ("dramatiq", "redis", "hiredis")


def open_broker(recorder: Recorder | None = None) -> BullMQBroker:
    """A broker with the one actor."""
    opened = BullMQBroker(redis_url(), concurrency={QUEUE: concurrency()}, recorder=recorder, batched=True)

    @dramatiq.actor(queue_name=QUEUE, actor_name="run", broker=opened, max_retries=0)
    def run(job: str, number: float) -> None:
        jobs.run(job, number)

    return opened


def add_to(opened: BullMQBroker, job: str, dues: Sequence[Due]) -> None:
    """Add many under fresh ids of the queue's own counter, as BullMQ names them."""
    queue = opened.queue(QUEUE)
    queue.add_bulk(
        queue.new_job("run", {"job": job, "number": number}, job_id=job_id, delay_ms=int(delay_s * 1000))
        for job_id, (number, delay_s) in zip(queue.next_ids(len(dues)), dues, strict=True)
    )


broker = open_broker()


def worker(concurrency: int) -> list[str]:
    """The dramatiq command on this module."""
    return [
        sys.executable,
        "-m",
        "dramatiq",
        f"{__name__}:broker",
        "-p",
        "1",
        "--worker-fork-timeout",
        "1000",
        "-t",
        str(concurrency),
    ]


def add(job: str, due: Due) -> None:
    """Queue.add."""
    number, delay_s = due
    broker.queue(QUEUE).add("run", {"job": job, "number": number}, delay_ms=int(delay_s * 1000))


def add_bulk(job: str, dues: Sequence[Due]) -> None:
    """Queue.add_bulk."""
    add_to(broker, job, dues)
