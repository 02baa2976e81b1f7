"""Jobs that wait 10 ms for something else, ten at a time: 1,000 jobs/s would be ideal."""

from __future__ import annotations

from benchmarks import rates
from benchmarks.bench import Bench
from benchmarks.workloads import Figures

TITLE = "10 ms of I/O at concurrency 10"
HOW = "Ideal: 1,000 jobs/s. From the first job's end to the last one's."
METRICS = rates.METRICS
JOBS = 5_000
FEWEST = 200
SHARED = False
CONCURRENCY = 10
PEERS = None


def run(bench: Bench, jobs: int, concurrency: int) -> Figures:
    """One run."""
    return rates.measure(bench, "io", jobs, concurrency, within_s=120)
