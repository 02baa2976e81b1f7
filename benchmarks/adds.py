"""How fast one producer process adds, and at what CPU."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.order import Order
from benchmarks.workloads import Figures, Metric

METRICS = (Metric("jobs/s", more_is_better=True), Metric("producer CPU µs/job"), Metric("Redis CPU µs/job"))


def measure(bench: Bench, order: Order) -> Figures:
    """Rate and CPU of the adds alone; the producer's start does not count."""
    redis_before = bench.redis_cpu_s()
    spent = bench.produce(order)
    redis_cpu_s = bench.redis_cpu_s() - redis_before
    return {
        "jobs/s": order.n / spent["seconds"],
        "producer CPU µs/job": spent["cpu_s"] / order.n * 1e6,
        "Redis CPU µs/job": redis_cpu_s / order.n * 1e6,
    }
