"""Row 29: half an hour of flaky jobs, kills of Redis included, and no process grows."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from tests.faults import figures
from tests.faults.conftest import DATABASES, SEEDS, Open
from tests.faults.system import DEFAULT_LOCK_MS, FaultSystem

SOAK_S = int(os.environ.get("FAULTS_SOAK_S", "1800"))
WARM = 0.2
MB_PER_10_MIN = 1.0
#: A pool may hold a connection more or less.
MORE_FDS = 3


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
def test_half_an_hour_leaves_nothing_behind(open_system: Open, database: str) -> None:
    """Resident memory and open files of worker, producer and both keepers, from the warm state to the end."""
    system = open_system(database, SEEDS[0])
    system.lock_ms = DEFAULT_LOCK_MS
    producer, worker = system.start_producer(), system.start_worker()
    processes = {"worker": worker.worker, "keeper": worker.keeper, "producer": producer.worker}
    enqueuer = system.start_enqueuer("soak", pace="30")

    _work_for(system, SOAK_S * WARM)
    warm = {name: _sizes(process) for name, process in processes.items()}
    _work_for(system, SOAK_S * (1 - WARM))
    grown = {name: _growth(warm[name], _sizes(process)) for name, process in processes.items()}
    enqueuer.kill()
    system.settle()
    account = system.account()
    told = {name: f"{mb:+.2f} MB per 10 min, {fds:+d} files" for name, (mb, fds) in grown.items()}
    figures.keep("29", system, account, minutes=f"{SOAK_S / 60:.0f}", **told)

    account.check()
    assert max(mb for mb, _ in grown.values()) <= MB_PER_10_MIN, told
    assert max(fds for _, fds in grown.values()) <= MORE_FDS, told


def _work_for(system: FaultSystem, seconds: float) -> None:
    """With a Redis that dies once a minute."""
    until = time.monotonic() + seconds
    while (left_s := until - time.monotonic()) > 0:
        time.sleep(min(left_s, 60))
        system.restart_redis()


def _sizes(process: psutil.Process) -> tuple[float, float, int]:
    return time.monotonic(), process.memory_info().rss / 2**20, process.num_fds()


def _growth(warm: tuple[float, float, int], now: tuple[float, float, int]) -> tuple[float, int]:
    """MB per ten minutes, and files."""
    return (now[1] - warm[1]) / (now[0] - warm[0]) * 600, now[2] - warm[2]
