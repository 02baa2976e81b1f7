"""What a queued job takes of Redis."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.order import Order
from benchmarks.workloads import Figures, Metric

TITLE = "Redis bytes per queued job"
HOW = "Growth of the data set (`used_memory_dataset`) over a bulk add, per job; the same data for all."
METRICS = (Metric("bytes"),)
JOBS = 50_000
FEWEST = 1_000
SHARED = True
CONCURRENCY = 1
PEERS = None


def run(bench: Bench, jobs: int, concurrency: int) -> Figures:
    """One run."""
    before = bench.redis_bytes()
    bench.produce(Order("count", jobs))
    return {"bytes": (bench.redis_bytes() - before) / jobs}
