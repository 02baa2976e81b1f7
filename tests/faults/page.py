"""``python -m tests.faults.page``: writes docs/reliability.md from the figures that the long runs kept."""

from __future__ import annotations

import os
import platform
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.faults.figures import Figures, failures, kept
from tests.faults.system import ROOT

PAGE = ROOT / "docs" / "reliability.md"
#: From here on the page is written by hand, and kept.
BY_HAND = "## Each mechanism, switched off"

#: What is done, what must come of it, and what the peers did when it was done to them side by side.
ROWS = {
    "1": (
        "worker `kill -9` at random, 10k flaky jobs",
        "lost 0; re-run p95 ≤ 2 s, max ≤ 30 s",
        "Dramatiq 505 s, BullMQ 60–76 s; arq, huey, saq, rq, Celery: not within 120 s",
    ),
    "1, hosts lost": ("the same with its keeper killed too", "lost 0; re-run p95 ≤ 15 s, max ≤ 30 s", "as above"),
    "2": ("enqueuer `kill -9` between row and add", "lost 0, orphan rows 0", "–"),
    "3": (
        "Redis `kill -9` and restart from its file, every 2–5 s",
        "lost 0, stuck 0 after 30 s",
        "Dramatiq: 2 lost, 274 stuck, 60 doubled",
    ),
    "4": ("Redis emptied, with paused, delayed, parked and flow jobs", "lost 0, re-added ≤ 30 s, the pause holds", "–"),
    "5": ("PostgreSQL `kill -9` ×10, also during COMMIT", "lost 0, doubled 0; API 503 + Retry-After", "–"),
    "6": ("1 to 5 mixed, many seeds", "lost 0 in ≥ 20k jobs and ≥ 500 faults", "–"),
    "7": ("Sentinel failover to a lagging replica", "lost 0, service ≤ 15 s", "Dramatiq lost 408 of 500"),
    "8": (
        "Redis SIGSTOP 30 s, 70 s",
        "lost 0, doubled 0, flow back ≤ 10 s",
        "Dramatiq loses retries, doubles 2 of 3",
    ),
    "9": ("a proxy cuts connections in mid-call, ×200", "doubled 0, stranded 0", "Dramatiq strands and doubles"),
    "10": ("Redis out of memory, then freed", "API 503; recovered ≤ 15 s; lost 0", "Dramatiq: stuck > 90 s"),
    "11": ("a host's clock ±3 h or 90 s off", "doubled 0, missed or doubled ticks 0", "–"),
    "12": (
        "poison pill among 200 healthy jobs",
        "2 runs, then failed with worker and cause ≤ 30 s; none charged twice",
        "Dramatiq endless; BullMQ 153 s",
    ),
    "13": (
        "a job holds the interpreter beyond its limit",
        "worker ended ≤ limit + 5 s; neighbours again ≤ 2 s, uncharged",
        "Dramatiq: a limit of 2 s fires at 15 s",
    ),
    "14": ("every slot full, 5k waiting retries", "1 start per run", "Dramatiq 2"),
    "15": ("backlog of 1M jobs", "memory of each process flat; API p95 ≤ 100 ms", "Dramatiq's enqueue alone 5.4 min"),
    "16": ("two clocks, two producers, random kills", "each (entry, slot) once", "periodiq 2–3×"),
    "19": ("SIGTERM with 30 s jobs, 20 rolling restarts", "re-run ≤ 5 s; lost 0; uncharged; 5xx 0", "Dramatiq 91 s"),
    "20": ("rolling upgrade: unknown names, other fields", "100 % visible as failed rows", "Dramatiq: no trace"),
    "21": ("1,000 malformed jobs among 1,000 good", "good 1000/1000 ≤ 30 s", "Dramatiq strands 10 of 20"),
    "29": ("soak, 30 min mixed", "RSS ≤ 1 MB per 10 min per process, fds flat", "–"),
}
INVARIANTS = ("lost", "doubled", "stuck", "disagreeing", "charged")


def main() -> None:
    """Write the upper part anew; what is below it stays."""
    runs: dict[str, list[Figures]] = defaultdict(list)
    for figures in kept():
        runs[figures.row].append(figures)
    lower = PAGE.read_text().partition(BY_HAND)[2] if PAGE.exists() else "\n"
    PAGE.write_text(f"{_upper(runs)}\n{BY_HAND}{lower}")
    print(f"wrote {PAGE}")  # noqa: T201 - the program's answer


def _upper(runs: dict[str, list[Figures]]) -> str:
    seeds = sorted({figures.seed for of_row in runs.values() for figures in of_row})
    lines = [
        "# Reliability",
        "",
        "Written by `make faults`, down to the next heading. Every run starts real processes, breaks them, and then",
        "compares three books: a journal that each process writes outside the system, the rows of `job_status`, and",
        "Redis (`tests/faults/`). *lost*: accepted, and without an end or an effect. *doubled*: two effects.",
        "*stuck*: still on its way. *disagreeing*: the books differ. *charged*: failed for a death it had no part in.",
        "Peers' figures were measured side by side on one machine.",
        "",
        f"* date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"* machine: {_machine()}",
        f"* load: {os.getloadavg()[0]:.1f} of {os.cpu_count()}",
        f"* commit: {_commit()}",
        f"* Python: {platform.python_version()}",
        f"* seeds: {', '.join(map(str, seeds)) or 'none'}",
        "",
        "| | fault | must hold | this run | | peers |",
        "|---|---|---|---|---|---|",
    ]
    failed = failures()
    for row, (fault, bound, peers) in ROWS.items():
        lines.append(f"| {row} | {fault} | {bound} | {_told(runs[row])} | {_verdict(runs[row], failed)} | {peers} |")
    return "\n".join(lines) + "\n"


def _told(of_row: Sequence[Figures]) -> str:
    if not of_row:
        return "–"
    counts = ", ".join(f"{name} {sum(getattr(figures, name) for figures in of_row)}" for name in INVARIANTS)
    databases = " and ".join(sorted({figures.database for figures in of_row}))
    told = [
        f"{sum(figures.jobs for figures in of_row):,} jobs, {sum(figures.faults for figures in of_row)} faults,"
        f" {len(of_row)} runs on {databases}",
        counts,
    ]
    if any(figures.rerun_max_s for figures in of_row):
        p95 = max(figures.rerun_p95_s for figures in of_row)
        told.append(f"re-run p95 {p95:.2f} s, max {max(figures.rerun_max_s for figures in of_row):.2f} s")
    for name in sorted({name for figures in of_row for name in figures.more}):
        told.append(f"{name} {' / '.join(figures.more[name] for figures in of_row if name in figures.more)}")
    return "; ".join(told)


def _verdict(of_row: Sequence[Figures], failed: set[str]) -> str:
    if not of_row:
        return "not measured"
    broken = any(getattr(figures, name) for figures in of_row for name in INVARIANTS)
    return "**not reached**" if broken or any(figures.test in failed for figures in of_row) else "reached"


def _machine() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(":", 1)[1].strip() for line in text if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB"


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
