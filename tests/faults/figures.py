"""What the long runs came to, kept for the page that is written from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from app import db
from tests.faults.accounting import Account
from tests.faults.system import DEFAULT_LOCK_MS, ROOT, FaultSystem

KEPT = ROOT / "build" / "faults.jsonl"


@dataclass(frozen=True, slots=True)
class Figures:
    """One run of one row of the suite. ``more`` are the row's own figures, in words."""

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
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a") as file:
        file.write(json.dumps(asdict(figures)) + "\n")


def kept() -> list[Figures]:
    """Everything since the last page."""
    if not KEPT.exists():
        return []
    return [Figures(**json.loads(line)) for line in KEPT.read_text().splitlines()]
