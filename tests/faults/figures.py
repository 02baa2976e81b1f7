"""What the long runs came to, kept for the page that is written from it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app import db
from tests.faults.accounting import Account
from tests.faults.system import DEFAULT_LOCK_MS, ROOT, FaultSystem

KEPT = ROOT / "build" / "faults.jsonl"
OUTCOMES = ROOT / "build" / "faults-outcomes.jsonl"


@dataclass(frozen=True, slots=True)
class Figures:
    """One run of one row of the suite. ``more`` are the row's own figures, in words; ``test`` as pytest names it."""

    test: str
    row: str
    database: str
    seed: int
    jobs: int
    faults: int
    lost: int
    doubled: int
    stuck: int
    disagreeing: int
    charged: int
    rerun_p95_s: float
    rerun_max_s: float
    more: dict[str, str] = field(default_factory=dict)


def keep(row: str, system: FaultSystem, account: Account, **more: str) -> None:
    """Keep them, reached or not: the assertions come afterwards. Runs with a short lease are not for the page."""
    if system.lock_ms != DEFAULT_LOCK_MS:
        return
    figures = Figures(
        os.environ["PYTEST_CURRENT_TEST"].partition(" ")[0],
        row,
        db.engine().dialect.name,
        system.seed,
        jobs=account.accepted,
        faults=len(system.lines("fault")),
        lost=len(account.lost),
        doubled=len(account.doubled),
        stuck=len(account.stuck),
        disagreeing=len(account.disagreeing),
        charged=len(account.charged),
        rerun_p95_s=round(account.rerun_p95_s, 2),
        rerun_max_s=round(account.rerun_max_s, 2),
        more=more,
    )
    _append(KEPT, asdict(figures))


def keep_counts(row: str, *, jobs: int, faults: int = 0, seed: int = 0, **more: str) -> None:
    """The same for a run without an account: its test has found nothing lost, doubled, stuck or charged."""
    test = os.environ["PYTEST_CURRENT_TEST"].partition(" ")[0]
    none = dict.fromkeys(("lost", "doubled", "stuck", "disagreeing", "charged", "rerun_p95_s", "rerun_max_s"), 0)
    figures = Figures(test, row, db.engine().dialect.name, seed, jobs=jobs, faults=faults, more=more, **none)
    _append(KEPT, asdict(figures))


def keep_outcome(test: str, *, passed: bool) -> None:
    """Whether it reached its figures."""
    _append(OUTCOMES, {"test": test, "passed": passed})


def kept() -> list[Figures]:
    """Of each run the newest."""
    newest = {(one["test"], one["row"], one["seed"]): one for one in _lines(KEPT)}
    return [Figures(**one) for one in newest.values()]


def failures() -> set[str]:
    """The tests that failed when they were last run."""
    outcomes = {one["test"]: one["passed"] for one in _lines(OUTCOMES)}
    return {test for test, passed in outcomes.items() if not passed}


def _append(path: Path, entry: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
