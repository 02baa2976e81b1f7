"""taskiq with its stream broker; delays through its Redis schedule source, which a scheduler process would poll."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from taskiq_redis import RedisStreamBroker

from benchmarks import jobs
from benchmarks.order import Due
from benchmarks.peers import QUEUE, redis_url

TITLE = "taskiq"
CONCURRENCIES = (1, 10, 100)
SHARE = 0.2
CANNOT = {"due": "its worker has no delays: a scheduler process polls for them"}
PACKAGES = ("taskiq", "taskiq-redis")

broker = RedisStreamBroker(redis_url(), queue_name=QUEUE)


@broker.task(task_name="run")
async def run(job: str, number: float) -> None:
    """The one job."""
    await jobs.run_async(job, number)


def worker(concurrency: int) -> list[str]:
    """The taskiq command on this module, one process."""
    limits = ["--workers", "1", "--max-async-tasks", str(concurrency)]
    return [sys.executable, "-m", "taskiq", "worker", f"{__name__}:broker", *limits, "--log-level", "WARNING"]


_loop = asyncio.new_event_loop()
_started = False


def add(job: str, due: Due) -> None:
    """Kick one task."""
    _loop.run_until_complete(_add(job, [due]))


def add_bulk(job: str, dues: Sequence[Due]) -> None:
    """There is no bulk add."""
    _loop.run_until_complete(_add(job, dues))


async def _add(job: str, dues: Sequence[Due]) -> None:
    global _started  # noqa: PLW0603 - the broker starts once a process
    if not _started:
        await broker.startup()
        _started = True
    for number, _ in dues:
        await run.kiq(job=job, number=number)
