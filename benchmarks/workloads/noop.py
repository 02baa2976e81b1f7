"""No-op jobs: what a job costs when it does nothing."""

from __future__ import annotations

from benchmarks import rates
from benchmarks.bench import Bench
from benchmarks.workloads import Figures

TITLE = "No-op jobs, one worker process"
HOW = "From the first job's end to the last one's; all are queued before the worker starts."
METRICS = rates.METRICS
JOBS = 50_000
FEWEST = 500
SHARED = True
CONCURRENCY = None
PEERS = None


def run(bench: Bench, jobs: int, concurrency: int) -> Figures:
    """One run."""
    return rates.measure(bench, "count", jobs, concurrency, within_s=300)
