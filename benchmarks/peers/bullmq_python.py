"""The official Python package of BullMQ; this module is its worker too."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import bullmq

from benchmarks import jobs
from benchmarks.order import Due
from benchmarks.peers import QUEUE, concurrency, redis_url

TITLE = "BullMQ Python"
CONCURRENCIES = (1, 10, 50)
SHARE = 0.2
CANNOT: dict[str, str] = {}
PACKAGES = ("bullmq",)
BULK = 1000

_loop = asyncio.new_event_loop()


def worker(concurrency: int) -> list[str]:
    """This module."""
    return [sys.executable, "-m", __name__]


def add(job: str, due: Due) -> None:
    """Queue.add."""
    number, delay_s = due
    _loop.run_until_complete(_queue().add("run", {"job": job, "number": number}, {"delay": int(delay_s * 1000)}))


def add_bulk(job: str, dues: Sequence[Due]) -> None:
    """Queue.addBulk."""
    for start in range(0, len(dues), BULK):
        chunk = [
            {"name": "run", "data": {"job": job, "number": number}, "opts": {"delay": int(delay_s * 1000)}}
            for number, delay_s in dues[start : start + BULK]
        ]
        _loop.run_until_complete(_queue().addBulk(chunk))


@lru_cache
def _queue() -> Any:
    return bullmq.Queue(QUEUE, {"connection": redis_url()})


async def _work() -> None:
    async def process(job: Any, token: str) -> None:
        await jobs.run_async(job.data["job"], job.data["number"])

    bullmq.Worker(QUEUE, process, {"connection": redis_url(), "concurrency": concurrency()})
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_work())
