"""Jobs added one call at a time."""

from __future__ import annotations

from benchmarks import adds
from benchmarks.bench import Bench
from benchmarks.order import Order
from benchmarks.workloads import Figures

TITLE = "Add one by one, one producer process"
HOW = "One call a job, each awaited."
METRICS = adds.METRICS
JOBS = 10_000
FEWEST = 500
SHARED = True
CONCURRENCY = 1
PEERS = None


def run(bench: Bench, jobs: int, concurrency: int) -> Figures:
    """One run."""
    return adds.measure(bench, Order("count", jobs, bulk=False, warm=True))
