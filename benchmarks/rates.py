"""How fast one worker process works off a full queue, and at what CPU."""

from __future__ import annotations

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.order import Order
from benchmarks.workloads import Figures, Metric

METRICS = (Metric("jobs/s", more_is_better=True), Metric("worker CPU µs/job"), Metric("Redis CPU µs/job"))
STARTS_WITHIN_S = 30


def measure(bench: Bench, job: str, jobs: int, concurrency: int, within_s: float) -> Figures:
    """Rate and CPU between the first job's mark and the last one's; the worker's start does not count."""
    bench.produce(Order(job, jobs))
    with bench.worker(concurrency, total=jobs) as worker:
        bench.wait_for_marks(1, STARTS_WITHIN_S)
        worker_before, redis_before = processes.cpu_s(worker), bench.redis_cpu_s()
        first, last = bench.wait_for_marks(2, within_s)[:2]
        worker_cpu_s = processes.cpu_s(worker) - worker_before
        redis_cpu_s = bench.redis_cpu_s() - redis_before
    return {
        "jobs/s": (jobs - 1) / (last.ran_ms - first.ran_ms) * 1000,
        "worker CPU µs/job": worker_cpu_s / jobs * 1e6,
        "Redis CPU µs/job": redis_cpu_s / jobs * 1e6,
    }
