"""Ten running jobs after their whole host is gone, the keeper too."""

from __future__ import annotations

from benchmarks import crash
from benchmarks.bench import Bench
from benchmarks.workloads import Figures

TITLE = "10 running jobs start again after their host is lost"
HOW = "As before, but every process of the worker is killed at once. BullMQ Node has only one: see above."
METRICS = crash.METRICS
JOBS = 10
FEWEST = 10
SHARED = False
CONCURRENCY = 10
PEERS = ("toril", "toril_ledger")


def run(bench: Bench, jobs: int, concurrency: int) -> Figures:
    """One run."""
    return crash.measure(bench, jobs, concurrency, whole_tree=True)
