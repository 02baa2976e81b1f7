"""What all runs gave, and each peer's best concurrency."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

from benchmarks.workloads import Figures, load


@dataclass
class Results:
    """Figures by workload, peer and concurrency; failures by workload and peer."""

    runs: dict[tuple[str, str], dict[int, list[Figures]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    failures: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, workload: str, peer: str, concurrency: int, figures: Figures) -> None:
        """Keep one run's figures."""
        self.runs[workload, peer][concurrency].append(figures)

    def best(self, workload: str, peer: str) -> int | None:
        """The concurrency whose median is best in the workload's first metric; None if no run succeeded."""
        metric = load(workload).METRICS[0]
        by_concurrency = self.runs.get((workload, peer))
        if not by_concurrency:
            return None
        pick = max if metric.more_is_better else min
        return pick(by_concurrency, key=lambda c: median(run[metric.name] for run in by_concurrency[c]))

    def figures(self, workload: str, peer: str, metric: str, concurrency: int | None = None) -> list[float]:
        """That metric in each round, at the best concurrency if none is given; empty if no run succeeded."""
        runs = self.runs.get((workload, peer), {})
        concurrency = concurrency or self.best(workload, peer)
        return [] if concurrency is None else [run[metric] for run in runs.get(concurrency, [])]

    def median(self, workload: str, peer: str, metric: str, concurrency: int | None = None) -> float | None:
        """Its median."""
        figures = self.figures(workload, peer, metric, concurrency)
        return median(figures) if figures else None
