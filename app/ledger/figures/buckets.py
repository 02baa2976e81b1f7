"""Durations by bucket: how many lie below each bound, so that percentiles of any time are sums of small tables."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise

#: Upper bounds in ms, two to each doubling: 1 ms to 16.8 million (4 h 40 min). One more bucket is for what is longer.
BOUNDS_MS = tuple(sorted({round(2 ** (half / 2)) for half in range(49)}))
LAST = len(BOUNDS_MS)


def bucket_of(ms: float) -> str:
    """The number of a duration's bucket, as histograms hold it."""
    return str(bisect_left(BOUNDS_MS, ms))


def add(histogram: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Both together."""
    return {key: histogram.get(key, 0) + other.get(key, 0) for key in sorted({*histogram, *other}, key=int)}


def percentile(histogram: Mapping[str, int], percent: int) -> int | None:
    """The duration in ms that so many percent do not exceed, evenly spread within its bucket; None without any.

    It is off by the width of a bucket at most: 41 % of the value. What is beyond the last bound is the last bound.
    """
    counts = [histogram.get(str(number), 0) for number in range(LAST + 1)]
    wanted = sum(counts) * percent / 100
    if not wanted:
        return None
    passed = 0
    for count, (low, high) in zip(counts, pairwise((0, *BOUNDS_MS, BOUNDS_MS[-1])), strict=True):
        if count and passed + count >= wanted:
            return round(low + (high - low) * (wanted - passed) / count)
        passed += count
    return BOUNDS_MS[-1]
