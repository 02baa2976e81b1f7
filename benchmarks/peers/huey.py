"""huey on Redis, with the variant that keeps delayed and waiting jobs as RedisHuey does."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from huey import RedisHuey

from benchmarks import jobs
from benchmarks.order import Due
from benchmarks.peers import QUEUE, redis_url

TITLE = "huey"
CONCURRENCIES = (1, 8)
SHARE = 0.2
CANNOT: dict[str, str] = {}
PACKAGES = ("huey",)

huey = RedisHuey(QUEUE, url=redis_url(), results=False)


@huey.task()
def run(job: str, number: float) -> None:
    """The one job."""
    jobs.run(job, number)


def worker(concurrency: int) -> list[str]:
    """huey's consumer on this module."""
    return [
        sys.executable,
        "-m",
        "huey.bin.huey_consumer",
        f"{__name__}.huey",
        "--workers",
        str(concurrency),
        "--quiet",
    ]


def add(job: str, due: Due) -> None:
    """Enqueue one task."""
    number, delay_s = due
    if delay_s:
        run.schedule(kwargs={"job": job, "number": number}, delay=delay_s)
    else:
        run(job=job, number=number)


def add_bulk(job: str, dues: Sequence[Due]) -> None:
    """There is no bulk add."""
    for due in dues:
        add(job, due)
