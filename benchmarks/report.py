"""The results as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from statistics import median

from benchmarks import peers
from benchmarks.results import Results
from benchmarks.targets import TARGETS, Target
from benchmarks.workloads import Metric, load


def page(results: Results, facts: Mapping[str, str], at: datetime, rounds: int, scale: float) -> str:
    """The whole of docs/benchmarks.md."""
    return "\n".join([*_head(facts, at, rounds, scale), *_targets(results), *_tables(results, scale)]) + "\n"


def _head(facts: Mapping[str, str], at: datetime, rounds: int, scale: float) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    if rounds < 3 or scale < 1:
        yield (
            f"**Short run** of {at:%Y-%m-%d}: {rounds} round{'s' * (rounds > 1)}, {scale:g} of the jobs. It shows that "
            "every workload runs; warm-up and noise weigh too much in it for a judgement."
        )
        yield ""
    yield (
        "Written by `make bench`: this engine and its peers on one private Redis, in alternating rounds. Each figure "
        "is the median of the rounds at the peer's best concurrency, with the range from least to most. Rates vary "
        "with the machine's load: ratios and CPU per job hold better. CPU is of whole process trees, our keeper and "
        "the dramatiq master included. Peers keep their defaults except as their file in `benchmarks/peers/` says."
    )
    yield ""
    yield f"* date: {at:%Y-%m-%d %H:%M} UTC, {rounds} round{'s' * (rounds > 1)}"
    for name, value in facts.items():
        yield f"* {name}: {value}"
    yield ""


def _targets(results: Results) -> Iterator[str]:
    yield "## Targets"
    yield ""
    yield "| target | bound | this run | |"
    yield "|---|---|---|---|"
    for target in TARGETS:
        value = target.value(results)
        got = "–" if value is None else f"{value:.2f}{' ×' if target.of else ''}"
        yield f"| {target.name} | {target.bound()} | {got} | {_verdict(target, value, results)} |"
    yield ""


def _verdict(target: Target, value: float | None, results: Results) -> str:
    if value is not None:
        return "reached" if target.reached(value) else "**not reached**"
    failed = results.failures.get((target.workload, target.ours))
    return f"**not reached**: {failed[-1]}" if failed else "not measured"


def _tables(results: Results, scale: float) -> Iterator[str]:
    workloads = dict.fromkeys(workload for workload, _ in (*results.runs, *results.failures))
    for name in workloads:
        workload = load(name)
        yield f"## {workload.TITLE}"
        yield ""
        yield workload.HOW
        yield ""
        yield f"| | concurrency | {' | '.join(metric.name for metric in workload.METRICS)} | jobs |"
        yield "|---" * (len(workload.METRICS) + 3) + "|"
        for peer in peers.NAMES:
            yield from _row(results, name, peer, scale)
        yield ""


def _row(results: Results, workload: str, peer: str, scale: float) -> Iterator[str]:
    shape, failed = load(workload), results.failures.get((workload, peer))
    best = results.best(workload, peer)
    if best is None:
        if failed:
            yield f"| {peers.load(peer).TITLE} | | {failed[-1]} {'| ' * len(shape.METRICS)}| |"
        return
    cells = " | ".join(_cell(results.figures(workload, peer, metric.name), metric) for metric in shape.METRICS)
    note = f" ({len(failed)} of the rounds failed: {failed[-1]})" if failed else ""
    title = peers.load(peer).TITLE
    yield f"| {title}{note} | {best} | {cells} | {jobs(workload, peer, scale):,} |"


def _cell(figures: list[float], metric: Metric) -> str:
    middle = f"{median(figures):,.{metric.digits}f}"
    if len(figures) == 1:
        return middle
    return f"{middle} ({min(figures):,.{metric.digits}f}–{max(figures):,.{metric.digits}f})"


def jobs(workload: str, peer: str, scale: float) -> int:
    """How many jobs this peer gets in this workload."""
    shape = load(workload)
    share = peers.load(peer).SHARE if shape.SHARED else 1
    return max(int(shape.JOBS * share * scale), shape.FEWEST)
