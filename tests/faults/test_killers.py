"""Rows 12 and 13: jobs that kill the process that runs them, or hold it for ever, and their innocent neighbours."""

from __future__ import annotations

import re
import time

import pytest

from app.models.job_status import Status
from tests.faults import figures
from tests.faults.conftest import DATABASES, SEEDS, Open
from tests.faults.system import DEFAULT_LOCK_MS, FaultSystem
from tests.servers import wait_for

CAUSES = {"exit": "killed or exited", "kill": "killed or exited", "segv": "Segmentation fault"}
LIMIT_S = 2


def poison_among(system: FaultSystem, healthy: int) -> None:
    """One poison of each kind in the middle of healthy jobs; whatever dies of it is started again."""
    for _ in range(3):
        system.start_worker()
    system.add(*(f"before-{n}" for n in range(healthy // 2)), ms=50)
    for way in CAUSES:
        system.add(way, name="poison", attempts=10, way=way)
    system.add(*(f"after-{n}" for n in range(healthy // 2)), ms=50)
    system.settle(60)
    account = system.account()
    rows = {way: system.row(way) for way in CAUSES}
    took_s = {
        way: row.failed_at.timestamp() - system.lines("start", way)[0].at for way, row in rows.items() if row.failed_at
    }
    figures.keep("12", system, account, failed_after=f"{max(took_s.values(), default=0):.1f} s")

    account.check()
    assert {row.status for row in rows.values()} == {Status.FAILED}
    # One may have been killed by another between its start and its first line.
    assert max(account.starts[way] for way in CAUSES) == 2
    for way, cause in CAUSES.items():
        assert re.match(rf"worker \S+ died at \S+ while running it \({cause}\)", rows[way].error or "")
    assert max(took_s.values()) <= 30
    assert account.completed == healthy
    assert max(account.crashes[f"{part}-{n}"] for part in ("before", "after") for n in range(healthy // 2)) <= 1


def test_poison_runs_twice_and_its_neighbours_are_not_charged_twice(sqlite_system: FaultSystem) -> None:
    """``os._exit``, SIGKILL and SIGSEGV; the row says which worker died, and of what."""
    poison_among(sqlite_system, healthy=200)


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_poison_with_the_default_lease(open_system: Open, database: str, seed: int) -> None:
    """The long form."""
    system = open_system(database, seed)
    system.lock_ms = DEFAULT_LOCK_MS

    poison_among(system, healthy=200)


def hold_the_interpreter(system: FaultSystem, after_ms: int) -> None:
    """A job sleeps in C beyond its limit, without letting any thread of its process run."""
    program = system.start_worker(concurrency=4)
    neighbours = system.add(*(f"neighbour-{n}" for n in range(3)), ms=6_000)
    wait_for(lambda: len(system.lines("start")) == 3, "the neighbours to run")
    system.add("hog", name="hog", attempts=10, s=60, after_ms=after_ms)
    wait_for(lambda: system.lines("start", "hog"), "the hog to run")
    worker = program.worker
    other = system.start_worker(concurrency=4, ready=False)
    worker.wait(LIMIT_S + 10)
    ended_at = time.time()
    other.wait_until_ready()
    ready_at = time.time()
    system.settle(60)
    account = system.account()
    hog = system.row("hog")
    ended_s = ended_at - system.lines("start", "hog")[0].at
    again_s = max(system.lines("start", one)[-1].at for one in neighbours) - max(ended_at, ready_at)
    figures.keep("13", system, account, ended=f"{ended_s:.1f} s", neighbours=f"{again_s:.1f} s")

    account.check()
    assert ended_s <= LIMIT_S + 5
    assert again_s <= 2
    assert (hog.status, account.starts["hog"]) == (Status.FAILED, 1)
    assert "hard limit" in (hog.error or "")
    assert [account.starts[one] for one in neighbours] == [2, 2, 2]
    assert [account.crashes[one] for one in neighbours] == [0, 0, 0]


def test_a_job_that_holds_the_interpreter_costs_its_neighbours_nothing(sqlite_system: FaultSystem) -> None:
    """The worker is ended at the hard limit; only that job fails."""
    hold_the_interpreter(sqlite_system, after_ms=0)


@pytest.mark.faults
@pytest.mark.parametrize("after_ms", [0, 1_200])
@pytest.mark.parametrize("database", DATABASES)
def test_holding_the_interpreter_with_the_default_lease(open_system: Open, database: str, after_ms: int) -> None:
    """The long form; also from the job's first moment."""
    system = open_system(database, SEEDS[0])
    system.lock_ms = DEFAULT_LOCK_MS

    hold_the_interpreter(system, after_ms)
