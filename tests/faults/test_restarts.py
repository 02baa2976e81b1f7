"""Rows 14 and 19: nothing starts twice because a worker is full, and nothing is lost because it is stopped."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from tests.faults import figures
from tests.faults.accounting import Account
from tests.faults.caller import Caller
from tests.faults.conftest import DATABASES, SEEDS, Open
from tests.faults.system import DEFAULT_LOCK_MS, FaultSystem
from tests.servers import wait_for
from tests.web import gunicorn

RERUN_S = 5


def fill_with_retries_waiting(system: FaultSystem, retries: int) -> Account:
    """Every slot is taken for three leases, and behind them wait the retries."""
    lease_s = system.lock_ms / 1000
    for _ in range(2):
        system.start_worker()
    system.add(*(f"retry-{n}" for n in range(retries)), ms=0, failures=1, backoff_ms=int(2_000 * lease_s))
    system.add(*(f"full-{n}" for n in range(8)), ms=int(3_000 * lease_s))
    system.settle(60 + retries / 50)
    return system.account()


def check_starts(account: Account) -> None:
    """Each run was started once."""
    account.check()
    assert {count for job_id, count in account.starts.items() if job_id.startswith("full")} == {1}
    assert {count for job_id, count in account.starts.items() if job_id.startswith("retry")} == {2}


def test_a_full_worker_starts_each_run_once(sqlite_system: FaultSystem) -> None:
    """Its jobs run longer than their lease, and hundreds of retries fall due meanwhile."""
    account = fill_with_retries_waiting(sqlite_system, retries=400)

    check_starts(account)


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
def test_five_thousand_waiting_retries(open_system: Open, database: str) -> None:
    """The long form."""
    system = open_system(database, SEEDS[0])
    system.lock_ms = DEFAULT_LOCK_MS

    account = fill_with_retries_waiting(system, retries=5_000)

    figures.keep("14", system, account)
    check_starts(account)


def restart_one_after_another(system: FaultSystem, restarts: int, jobs: int, ms: int) -> tuple[Account, Counter[int]]:
    """Each time a new worker program first, then SIGTERM to the old one, whose jobs last longer than its grace.

    They begin anew each time, and so may all run at once in the end: a worker has room for them. The API's processes
    are replaced with each worker, while somebody calls it: returns how often it answered with which status.
    """
    system.start_worker(restarts * jobs, grace_s=1)
    with gunicorn(system.directory) as web:
        caller = Caller(web.url)
        with caller.calling():
            for n in range(restarts):
                system.start_worker(restarts * jobs, grace_s=1)
                added = system.add(*(f"long-{n}-{m}" for m in range(jobs)), ms=ms)
                wait_for(partial(system.have_started, added), "the new jobs to run", 120, every_s=0.1)
                system.chance_s(0, 0.5)
                system.terminate(system.workers[0])
                web.replace_all()
    system.settle(ms / 1000 * restarts + 30)
    return system.account(), Counter(answer.status_code for answer in caller.answers)


def check_restarts(account: Account, statuses: Counter[int]) -> None:
    """Handed back, and nobody is charged; every call is answered."""
    account.check()
    assert max(statuses) < 500, statuses
    assert account.reruns_s, "no running job was stopped"
    assert account.rerun_max_s <= RERUN_S
    assert set(account.crashes.values()) == {0}


def test_rolling_restarts_lose_nothing(postgres_system: FaultSystem) -> None:
    """SIGTERM with jobs that last longer than the grace of 1 s: they run again elsewhere, uncharged."""
    account, statuses = restart_one_after_another(postgres_system, restarts=3, jobs=4, ms=3_000)

    check_restarts(account, statuses)


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
def test_twenty_rolling_restarts(open_system: Open, database: str) -> None:
    """The long form, with jobs of 30 s."""
    system = open_system(database, SEEDS[0])
    system.lock_ms = DEFAULT_LOCK_MS

    account, statuses = restart_one_after_another(system, restarts=20, jobs=8, ms=30_000)

    figures.keep("19", system, account, api=", ".join(f"{count} × {code}" for code, count in sorted(statuses.items())))
    check_restarts(account, statuses)
