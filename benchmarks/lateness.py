"""How late jobs start, from their marks."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Mark


def percentile(marks: Sequence[Mark], share: float) -> float:
    """The lateness in ms that this share of the jobs does not exceed."""
    late_ms = sorted(mark.ran_ms - mark.due_ms for mark in marks)
    return late_ms[min(int(share * len(late_ms)), len(late_ms) - 1)]
