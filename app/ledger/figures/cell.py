"""The figures of one job's name in one stretch of time, to be added up and compared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from app.ledger.figures.buckets import bucket_of
from app.ledger.performance import ENDS
from app.models.job_figure import JobFigure

COUNTED = ("completed", "partial", "failed", "cancelled", "crashes", "wait_ms", "run_ms")

#: Minute, queue, job.
Place = tuple[datetime, str, str]


@dataclass(slots=True)
class Cell:
    """Sums (``COUNTED``), and the two histograms by bucket."""

    sums: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)

    def put(self, status: str, crashes: int, wait_ms: int | None, run_ms: int | None) -> None:
        """One job that has ended."""
        self.sums[status] += 1
        self.sums["crashes"] += crashes
        for name, histogram, ms in (("wait_ms", self.waits, wait_ms), ("run_ms", self.runs, run_ms)):
            if ms is not None:
                histogram[bucket_of(ms)] += 1
                self.sums[name] += ms

    def add(self, other: Cell) -> None:
        """What the other has counted, too."""
        self.sums.update(other.sums)
        self.waits.update(other.waits)
        self.runs.update(other.runs)

    def beyond(self, known: JobFigure) -> Cell:
        """What this has and the figure lacks. What the figure has besides was counted when it was so."""
        sums = Counter({name: getattr(known, name) for name in COUNTED})
        return Cell(self.sums - sums, self.waits - Counter(known.waits), self.runs - Counter(known.runs))

    def __bool__(self) -> bool:
        return any(self.sums[end] for end in ENDS)
