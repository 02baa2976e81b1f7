"""RQ with its SimpleWorker: no fork a job, which is its fastest."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta

from redis import Redis
from rq import Queue

from benchmarks import jobs
from benchmarks.order import Due
from benchmarks.peers import QUEUE, redis_url

TITLE = "RQ"
CONCURRENCIES = (1,)
SHARE = 0.1
CANNOT = {"io": "one job a process", "restart": "one job a process"}
PACKAGES = ("rq",)

queue = Queue(QUEUE, connection=Redis.from_url(redis_url()))


def worker(concurrency: int) -> list[str]:
    """The rq command."""
    quiet = ["--worker-class", "rq.SimpleWorker", "--with-scheduler", "--quiet"]
    return [sys.executable, "-m", "rq.cli", "worker", *quiet, "--url", redis_url(), QUEUE]


def add(job: str, due: Due) -> None:
    """Enqueue one job."""
    number, delay_s = due
    if delay_s:
        queue.enqueue_in(timedelta(seconds=delay_s), jobs.run, job=job, number=number)
    else:
        queue.enqueue(jobs.run, kwargs={"job": job, "number": number})


def add_bulk(job: str, dues: Sequence[Due]) -> None:
    """Queue.enqueue_many, which has no delays."""
    if any(delay_s for _, delay_s in dues):
        for due in dues:
            add(job, due)
        return
    for start in range(0, len(dues), 1000):
        chunk = dues[start : start + 1000]
        queue.enqueue_many([Queue.prepare_data(jobs.run, kwargs={"job": job, "number": number}) for number, _ in chunk])
