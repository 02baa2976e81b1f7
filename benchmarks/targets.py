"""The figures that this engine is to reach, judged on the medians of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import Results

OURS = "toril"


@dataclass(frozen=True)
class Target:
    """A bound on one of our medians, or on its ratio to a peer's."""

    name: str
    workload: str
    metric: str
    at_least: float | None = None
    at_most: float | None = None
    ours: str = OURS
    of: str | None = None  # the peer whose median it is divided by
    at: int | None = None  # that peer's concurrency, if not its best

    def value(self, results: Results) -> float | None:
        """What the run gave; None where either side has no figure."""
        ours = results.median(self.workload, self.ours, self.metric)
        if ours is None or self.of is None:
            return ours
        theirs = results.median(self.workload, self.of, self.metric, self.at)
        return ours / theirs if theirs else None

    def reached(self, value: float) -> bool:
        """Whether that value is within the bound."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)

    def bound(self) -> str:
        """The bound, in words."""
        sign, limit = ("≥", self.at_least) if self.at_least is not None else ("≤", self.at_most)
        return f"{sign} {limit:g}{' ×' if self.of else ''}"


TARGETS: Sequence[Target] = (
    Target("no-op jobs/s beside BullMQ Node", "noop", "jobs/s", at_least=1.2, of="bullmq_node"),
    Target("no-op jobs/s beside stock Dramatiq", "noop", "jobs/s", at_least=7, of="stock_dramatiq"),
    Target(
        "the same with the ledger on SQLite, beside stock Dramatiq's default of 8 threads",
        "noop",
        "jobs/s",
        at_least=3,
        ours="toril_ledger",
        of="stock_dramatiq",
        at=8,
    ),
    Target(
        "the same with the ledger on PostgreSQL",
        "noop",
        "jobs/s",
        at_least=3,
        ours="toril_ledger_postgresql",
        of="stock_dramatiq",
        at=8,
    ),
    Target("worker CPU µs per no-op job", "noop", "worker CPU µs/job", at_most=45),
    Target("Redis CPU µs per no-op job", "noop", "Redis CPU µs/job", at_most=35),
    Target("bulk add jobs/s beside BullMQ addBulk", "bulk_add", "jobs/s", at_least=3, of="bullmq_node"),
    Target("one by one jobs/s beside BullMQ Node", "add_one_by_one", "jobs/s", at_least=1.5, of="bullmq_node"),
    Target("one by one jobs/s beside huey", "add_one_by_one", "jobs/s", at_least=1, of="huey"),
    Target("Redis bytes per queued job beside BullMQ Node", "memory", "bytes", at_most=1, of="bullmq_node"),
    Target("jobs/s of 10 ms at concurrency 10", "io", "jobs/s", at_least=950),
    Target("pickup p50, ms", "pickup", "p50 ms", at_most=2),
    Target("pickup p95, ms", "pickup", "p95 ms", at_most=4),
    Target("due in 3 s: p50 late, ms", "due", "p50 ms late", at_most=10),
    Target("due in 3 s: max late, ms", "due", "max ms late", at_most=100),
    Target("start again after kill -9, s", "restart", "seconds", at_most=2),
    Target("start again after a lost host, s", "host_lost", "seconds", at_most=15),
    Target("poison pill failed after, s", "poison", "seconds", at_most=30),
    Target("poison pill, runs", "poison", "runs", at_most=2),
)
