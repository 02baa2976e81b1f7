"""This engine beside its peers, on one Redis: ``make bench`` writes docs/benchmarks.md."""
