"""Row 3: Redis is killed and starts again from its append-only file, which may lack the last second."""

from __future__ import annotations

import pytest

from tests.faults import figures
from tests.faults.accounting import Account
from tests.faults.conftest import DATABASES, SEEDS, Open
from tests.faults.system import DEFAULT_LOCK_MS, FaultSystem


def restart_redis(
    system: FaultSystem, jobs: int, restarts: int, least_s: float, most_s: float
) -> tuple[Account, float]:
    """Jobs are added and run meanwhile; returns also the seconds from the last restart until all was quiet."""
    system.start_producer()
    for _ in range(2):
        system.start_worker()
    for n in range(restarts):
        names = [f"{n}-{m}" for m in range(jobs // restarts)]
        system.add(*names[::2], ms=20, failures=1)
        system.chance_s(least_s, most_s)
        system.restart_redis()
        system.enqueuer.add_if_it_can(*names[1::2], ms=20)
    quiet_s = system.settle(60)
    return system.account(), quiet_s


def test_a_killed_redis_loses_nothing(postgres_system: FaultSystem) -> None:
    """Three times, with jobs running and retries waiting; 30 s after the last, nothing is stuck."""
    account, quiet_s = restart_redis(postgres_system, jobs=300, restarts=3, least_s=0.5, most_s=2)

    account.check()
    assert quiet_s <= 30


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_a_redis_that_is_killed_every_few_seconds(open_system: Open, database: str, seed: int) -> None:
    """The long form: every 2 to 5 s, for three minutes, with the default lease."""
    system = open_system(database, seed)
    system.lock_ms = DEFAULT_LOCK_MS

    account, quiet_s = restart_redis(system, jobs=5_000, restarts=50, least_s=2, most_s=5)

    figures.keep("3", system, account, quiet=f"{quiet_s:.0f} s after the last")
    account.check()
    assert quiet_s <= 30
