"""A worker is killed with ten jobs in its hands, while another is idle."""

from __future__ import annotations

import time

import psutil

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.order import Order
from benchmarks.workloads import Figures, Metric

METRICS = (Metric("seconds", 1), Metric("first, s", 1))
HELD_S = 600
WITHIN_S = 120
IDLE_S = 3


def measure(bench: Bench, jobs: int, concurrency: int, whole_tree: bool) -> Figures:
    """Seconds from SIGKILL until every one of the jobs runs again, and the first of them.

    The second run of a job returns at once: this engine runs jobs that a crash left behind one at a time in a process.
    ``whole_tree`` kills what stands beside the process that runs the jobs, too: as when a host is lost.
    """
    bench.produce(Order("hold", jobs))
    with bench.worker(concurrency, held_s=HELD_S) as first:
        held = bench.wait_for_marks(jobs, within_s=30)
        with bench.worker(concurrency):
            time.sleep(IDLE_S)
            victims = processes.members(first) if whole_tree else [psutil.Process(pid) for pid in {m.pid for m in held}]
            killed_ms = time.time() * 1000
            processes.kill(victims)
            again = bench.wait_for_marks(2 * jobs, WITHIN_S)
    started_s = [(mark.ran_ms - killed_ms) / 1000 for mark in again[jobs:]]
    return {"seconds": started_s[jobs - 1], "first, s": started_s[0]}
