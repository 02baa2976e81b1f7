"""Celery on Redis, results off; its solo pool for one job at a time, its thread pool for more."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from celery import Celery

from benchmarks import jobs
from benchmarks.order import Due
from benchmarks.peers import QUEUE, redis_url

TITLE = "Celery"
CONCURRENCIES = (1, 8)
SHARE = 0.1
CANNOT: dict[str, str] = {}
PACKAGES = ("celery", "kombu")

app = Celery("bench", broker=redis_url())
app.conf.update(task_default_queue=QUEUE, task_ignore_result=True, worker_hijack_root_logger=False)


@app.task(name="run")
def run(job: str, number: float) -> None:
    """The one job."""
    jobs.run(job, number)


def worker(concurrency: int) -> list[str]:
    """The celery command on this module, without its gossip between workers."""
    pool = ["--pool", "solo"] if concurrency == 1 else ["--pool", "threads", "--concurrency", str(concurrency)]
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    return [sys.executable, "-m", "celery", "--app", f"{__name__}:app", "worker", *pool, *quiet]


def add(job: str, due: Due) -> None:
    """Send one task."""
    number, delay_s = due
    run.apply_async(kwargs={"job": job, "number": number}, countdown=delay_s or None)


def add_bulk(job: str, dues: Sequence[Due]) -> None:
    """There is no bulk add."""
    for due in dues:
        add(job, due)
