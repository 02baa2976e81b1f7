"""A job that kills every worker process that runs it."""

from __future__ import annotations

import time

import psutil

from benchmarks.bench import Bench, TookTooLong
from benchmarks.order import Order
from benchmarks.peers import QUEUE
from benchmarks.workloads import Figures, Metric

TITLE = "Poison pill"
HOW = "The job kills its worker with SIGKILL, a supervisor starts the next one. From its first run until it has failed."
METRICS = (Metric("seconds", 1), Metric("runs"))
JOBS = 1
FEWEST = 1
SHARED = False
CONCURRENCY = 10
PEERS = ("toril", "toril_ledger")
WITHIN_S = 120
FAILED = f"bullmq:{QUEUE}:failed"


def run(bench: Bench, jobs: int, concurrency: int) -> Figures:
    """One run."""
    bench.produce(Order("die", jobs))
    deadline = time.monotonic() + WITHIN_S
    while not _failed(bench):
        with bench.worker(concurrency) as worker:
            while worker.status() != psutil.STATUS_ZOMBIE and not _failed(bench):
                if time.monotonic() > deadline:
                    raise TookTooLong(0, jobs, WITHIN_S)
                time.sleep(0.01)
    marks = bench.marks()
    return {"seconds": (_failed_ms(bench) - marks[0].ran_ms) / 1000, "runs": len(marks)}


def _failed(bench: Bench) -> bool:
    return bool(bench.client.zcard(FAILED))


def _failed_ms(bench: Bench) -> float:
    return float(bench.client.zrange(FAILED, 0, -1, withscores=True)[0][1])
