"""Row 2: whoever enqueues is killed between the row and the add. Its promise stands, and is kept."""

from __future__ import annotations

from functools import partial

import pytest

from tests.faults import figures
from tests.faults.accounting import Account
from tests.faults.conftest import DATABASES, SEEDS, Open
from tests.faults.system import DEFAULT_LOCK_MS, FaultSystem
from tests.servers import wait_for


def kill_enqueuers(system: FaultSystem, kills: int) -> Account:
    """Programs that add jobs without a pause, each killed at a moment of chance."""
    system.start_producer()
    system.start_worker()
    for n in range(kills):
        enqueuer = system.start_enqueuer(f"batch-{n}", pace="2000")
        wait_for(partial(system.lines, "intent", f"batch-{n}-3-0"), "its fourth batch")
        system.chance_s(0, 0.05)
        system.journal.write("fault", "kill-enqueuer", detail=str(enqueuer.pid))
        enqueuer.kill()
    system.settle(60)
    return system.account()


def test_a_promise_outlives_whoever_made_it(postgres_system: FaultSystem) -> None:
    """Killed for certain between the commit and the add, and at random: each row's job runs, once."""
    dead = postgres_system.start_enqueuer("certain", at_once=20, pace="die")
    dead.wait()
    unheard_of = postgres_system.queue.count()

    account = kill_enqueuers(postgres_system, kills=3)

    assert unheard_of == 0
    account.check()
    assert [account.starts[f"certain-{n}"] for n in range(20)] == [1] * 20


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_a_hundred_enqueuers_are_killed(open_system: Open, database: str, seed: int) -> None:
    """The long form."""
    system = open_system(database, seed)
    system.lock_ms = DEFAULT_LOCK_MS

    account = kill_enqueuers(system, kills=100)

    figures.keep("2", system, account)
    account.check()
