"""Row 6: workers, hosts, producers, enqueuers, Redis and PostgreSQL die at random, all in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.accounting import Account
from tests.faults.conftest import SEEDS, Open
from tests.faults.system import DEFAULT_LOCK_MS, FaultSystem, fault_system, has_keeper
from tests.postgres import PostgresServer, postgres_server
from tests.servers import wait_for

MOST_OPEN = 200


class Chaos:
    """One fault after the other, each by chance; what died is started again, and jobs keep coming."""

    def __init__(self, system: FaultSystem, postgres: PostgresServer | None) -> None:
        self._system = system
        self._postgres = postgres
        self._enqueuers = 0
        self._faults: list[Callable[[], None]] = [
            lambda: system.kill(system.any_worker()),
            lambda: system.kill(system.any_worker()),
            lambda: system.kill_host(system.any_worker()),
            self._freeze_a_host,
            self._kill_the_producer,
            self._kill_the_enqueuer,
            system.restart_redis,
            system.restart_redis,
            system.empty_redis,
        ]
        if postgres:
            self._faults += [self._restart_postgres] * 2

    def run(self, faults: int, pace: str) -> Account:
        """So many faults, a second or two apart; then all must become quiet within 30 s."""
        system = self._system
        system.start_producer()
        for _ in range(2):
            system.start_worker()
        self._start_enqueuer(pace)
        for _ in range(faults):
            self._let_the_backlog_shrink()
            system.chance_s(0.3, 2)
            system.random.choice(self._faults)()
            system.revive()
            if self._enqueuer.poll() is not None:
                self._start_enqueuer(pace)
        self._enqueuer.kill()
        self.quiet_s = system.settle(60)
        return system.account()

    def _let_the_backlog_shrink(self) -> None:
        """What waits at the end must be the faults' doing, not a machine's that is slower than the enqueuer.

        Who adds is killed, not stopped: within a transaction it would keep its rows from every worker.
        """
        if self._system.open_jobs() > MOST_OPEN:
            self._kill_the_enqueuer()
            wait_for(lambda: self._system.open_jobs() < MOST_OPEN / 2, "the backlog to shrink", 120, every_s=0.5)

    def _start_enqueuer(self, pace: str) -> None:
        self._enqueuers += 1
        self._enqueuer = self._system.start_enqueuer(f"mixed-{self._enqueuers}", pace=pace)

    def _freeze_a_host(self) -> None:
        lease_s = self._system.lock_ms / 1000
        with self._system.frozen(self._system.any_worker()):
            self._system.chance_s(lease_s / 2, lease_s * 2)

    def _kill_the_producer(self) -> None:
        producer = self._system.producer
        if producer and producer.is_ready() and has_keeper(producer):
            self._system.kill(producer)

    def _kill_the_enqueuer(self) -> None:
        self._system.journal.write("fault", "kill-enqueuer", detail=str(self._enqueuer.pid))
        self._enqueuer.kill()
        self._enqueuer.wait()

    def _restart_postgres(self) -> None:
        assert self._postgres is not None
        self._system.journal.write("fault", "postgres", detail="-")
        self._postgres.kill()
        self._system.chance_s(0, 1)
        self._postgres.start()


@contextmanager
def broken_system(directory: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> Iterator[tuple[FaultSystem, Chaos]]:
    """On a PostgreSQL of its own."""
    with (
        postgres_server() as postgres,
        fault_system(directory, postgres.url, monkeypatch, seed) as system,
    ):
        yield system, Chaos(system, postgres)


def test_whatever_dies_every_job_ends_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen faults of every kind, on PostgreSQL."""
    with broken_system(tmp_path, monkeypatch, seed=20260101) as (_, chaos):
        account = chaos.run(faults=12, pace="40")

    account.check()
    assert chaos.quiet_s <= 30


@pytest.mark.faults
@pytest.mark.parametrize("seed", SEEDS)
def test_fifty_faults_on_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """The long form: ten seeds are 500 faults and more than 20,000 jobs."""
    with broken_system(tmp_path, monkeypatch, seed) as (system, chaos):
        system.lock_ms = DEFAULT_LOCK_MS
        account = chaos.run(faults=55, pace="60")
        figures.keep("6", system, account, quiet=f"{chaos.quiet_s:.0f} s after the last")

    account.check()
    assert chaos.quiet_s <= 30


@pytest.mark.faults
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_fifty_faults_on_one_machine(open_system: Open, seed: int) -> None:
    """The same with SQLite, which cannot be killed apart."""
    system = open_system("sqlite", seed)
    system.lock_ms = DEFAULT_LOCK_MS
    chaos = Chaos(system, None)

    account = chaos.run(faults=55, pace="60")

    figures.keep("6", system, account, quiet=f"{chaos.quiet_s:.0f} s after the last")
    account.check()
    assert chaos.quiet_s <= 30
