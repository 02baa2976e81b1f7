"""The workloads, one module each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from benchmarks.bench import Bench

NAMES = ("noop", "bulk_add", "add_one_by_one", "memory", "io", "pickup", "due", "restart", "host_lost", "poison")

#: Figures of one run, by metric.
Figures = Mapping[str, float]


@dataclass(frozen=True)
class Metric:
    """A figure that a workload gives."""

    name: str
    digits: int = 0
    more_is_better: bool = False


class Workload(Protocol):
    """What a workload's module has."""

    #: Its heading in the report, and a sentence on what is measured.
    TITLE: str
    HOW: str
    #: Its figures; the first decides which concurrency was best.
    METRICS: tuple[Metric, ...]
    #: How many jobs it takes in full, and the fewest that still mean something.
    JOBS: int
    FEWEST: int
    #: Whether a slow peer gets fewer.
    SHARED: bool
    #: The one concurrency it runs at; None for all that the peer has.
    CONCURRENCY: int | None
    #: The peers it is for; None for all.
    PEERS: Sequence[str] | None

    @property
    def run(self) -> Callable[[Bench, int, int], Figures]:
        """One run: bench, jobs, concurrency. Raises TookTooLong."""


def load(name: str) -> Workload:
    """The workload's module."""
    return cast("Workload", import_module(f"benchmarks.workloads.{name}"))
