"""Many jobs added at once."""

from __future__ import annotations

from benchmarks import adds
from benchmarks.bench import Bench
from benchmarks.order import Order
from benchmarks.workloads import Figures

TITLE = "Bulk add, one producer process"
HOW = "Each peer's fastest documented way; a loop where it has none."
METRICS = adds.METRICS
JOBS = 50_000
FEWEST = 500
SHARED = True
CONCURRENCY = 1
PEERS = None


def run(bench: Bench, jobs: int, concurrency: int) -> Figures:
    """One run."""
    return adds.measure(bench, Order("count", jobs, bulk=True, warm=True))
