"""Ten running jobs after kill -9 of their worker process."""

from __future__ import annotations

from benchmarks import crash
from benchmarks.bench import Bench
from benchmarks.workloads import Figures

TITLE = "10 running jobs start again after kill -9"
HOW = (
    "The process that runs them is killed; an idle worker stands by. Seconds until all ten have started again. The "
    "second runs return at once: Toril runs the jobs that a crash left behind one at a time in a process."
)
METRICS = crash.METRICS
JOBS = 10
FEWEST = 10
SHARED = False
CONCURRENCY = 10
PEERS = ("toril", "toril_ledger", "bullmq_node")


def run(bench: Bench, jobs: int, concurrency: int) -> Figures:
    """One run."""
    return crash.measure(bench, jobs, concurrency, whole_tree=False)
