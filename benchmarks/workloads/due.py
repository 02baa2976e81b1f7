"""Jobs that are due soon, added behind many that are due later."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.lateness import percentile
from benchmarks.order import Order
from benchmarks.workloads import Figures, Metric

TITLE = "200 jobs due in 3 s behind 100k due within the hour"
HOW = "How late they start; the worker is up, and the later jobs are due in 10 to 60 minutes."
METRICS = (Metric("p50 ms late"), Metric("max ms late"), Metric("earliest ms"))
JOBS = 100_000
FEWEST = 1_000
SHARED = False
CONCURRENCY = 10
PEERS = None
SOON = 200
WITHIN_S = 30


def run(bench: Bench, jobs: int, concurrency: int) -> Figures:
    """One run."""
    bench.produce(Order("count", jobs, delay_s=600, delay_until_s=3600))
    with bench.worker(concurrency):
        bench.produce(Order("stamp", 1))
        bench.wait_for_marks(1, within_s=WITHIN_S)
        bench.produce(Order("stamp", SOON, delay_s=3, warm=True))
        marks = bench.wait_for_marks(2 + SOON, WITHIN_S)[2:]
    return {
        "p50 ms late": percentile(marks, 0.5),
        "max ms late": percentile(marks, 1),
        "earliest ms": percentile(marks, 0),
    }
