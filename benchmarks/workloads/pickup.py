"""How soon an idle worker starts a job."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.lateness import percentile
from benchmarks.order import Order
from benchmarks.workloads import Figures, Metric

TITLE = "Pickup by an idle worker"
HOW = "From just before the add to the job's first line; one job every 0.1 s."
METRICS = (Metric("p50 ms", 1), Metric("p95 ms", 1))
JOBS = 200
FEWEST = 20
SHARED = False
CONCURRENCY = 10
PEERS = None
#: A first job shows that the worker is up, another warms the producer; both stay out of the figures.
WARM_UP = 2


def run(bench: Bench, jobs: int, concurrency: int) -> Figures:
    """One run."""
    with bench.worker(concurrency):
        bench.produce(Order("stamp", 1))
        bench.wait_for_marks(1, within_s=30)
        bench.produce(Order("stamp", jobs, bulk=False, pause_s=0.1, warm=True))
        marks = bench.wait_for_marks(WARM_UP + jobs, within_s=30)[WARM_UP:]
    return {"p50 ms": percentile(marks, 0.5), "p95 ms": percentile(marks, 0.95)}
