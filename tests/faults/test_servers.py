"""The servers that we stand on die, fill up, and fail over (FAULTS 5, 10)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.faults.caller import Caller
from tests.faults.conftest import DATABASES, Open
from tests.faults.figures import keep
from tests.faults.flow import flow_back_s
from tests.faults.proxy import Moment
from tests.faults.system import DEFAULT_LOCK_MS, SHORT_LOCK_MS, FaultSystem, fault_system
from tests.faults.test_network import Wires, wired
from tests.postgres import PostgresServer, postgres_server
from tests.servers import wait_for
from tests.web import gunicorn

SEED = 20260101


@contextmanager
def called(system: FaultSystem) -> Iterator[Caller]:
    """The API under gunicorn, as production serves it, and somebody who calls it."""
    with gunicorn(system.directory) as web:
        yield Caller(web.url)


def check_refusal(answer: requests.Response) -> None:
    """503, when to come again, and why."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["success"] is False


# --- 5: PostgreSQL dies


def check_postgres_deaths(
    directory: Path, monkeypatch: pytest.MonkeyPatch, times: int, lock_ms: int = SHORT_LOCK_MS
) -> None:
    """Every second death comes while a COMMIT is under way; the API says so each time, and goes on by itself."""
    with (
        postgres_server() as postgres,
        fault_system(directory, postgres.url, monkeypatch, SEED) as system,
        wired(system, monkeypatch) as wires,
        called(system) as caller,
    ):
        system.lock_ms = lock_ms
        system.start_producer()
        for _ in range(2):
            system.start_worker()
        enqueuer = system.start_enqueuer("work", at_once=10, pace="100")
        wait_for(lambda: len(system.lines("effect")) > 20, "jobs to flow")

        for number in range(times):
            system.chance_s(0.5, 1.5)
            _kill(system, postgres, wires, in_commit=number % 2 == 1)
            check_refusal(caller.look())
            check_refusal(caller.enqueue())
            postgres.start()
            wait_for(lambda: caller.look().status_code == 200, "the API to answer again", every_s=0.2)
        enqueuer.kill()
        enqueuer.wait()
        settled_s = system.settle(60)
        account = system.account()

        statuses = {answer.status_code for answer in caller.answers}
        keep("5", system, account, deaths=str(times), settled=f"{settled_s:.1f} s", api=str(sorted(statuses)))
        print(f"{times} deaths; settled after {settled_s:.1f} s; API {statuses}")  # noqa: T201 - a figure of the run
        account.check()
        assert statuses == {200, 503}


def _kill(system: FaultSystem, postgres: PostgresServer, wires: Wires, *, in_commit: bool) -> None:
    """``kill -9`` of all its processes: now, or right behind a COMMIT that it has just been sent."""
    system.journal.write("fault", "postgres", detail="in-commit" if in_commit else "now")
    if not in_commit:
        postgres.kill()
        return
    killed = threading.Event()

    def kill() -> None:
        postgres.kill()
        killed.set()

    assert wires.database
    wires.database.cut(b"COMMIT", Moment.AFTER_REQUEST, every=system.random.randint(1, 20), also=kill)
    assert killed.wait(30), "nothing was committed"


def test_two_deaths_of_postgresql_lose_and_double_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample: one of them during a COMMIT."""
    check_postgres_deaths(tmp_path, monkeypatch, times=2)


@pytest.mark.faults
def test_ten_deaths_of_postgresql_lose_and_double_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five of them during a COMMIT, under the product's own leases."""
    check_postgres_deaths(tmp_path, monkeypatch, times=10, lock_ms=DEFAULT_LOCK_MS)


# --- 10: Redis is full


def check_full_redis(system: FaultSystem) -> None:
    """``maxmemory`` under ``noeviction``: 503 with the reason; freed, work goes on within 15 s."""
    with called(system) as caller:
        system.start_producer()
        for _ in range(2):
            system.start_worker()
        system.add(*(f"flaky-{n}" for n in range(40)), ms=20, failures=2)
        system.add(*(f"quick-{n}" for n in range(400)), ms=20)
        enqueuer = system.start_enqueuer("meanwhile", pace="40")
        wait_for(lambda: len(system.lines("effect")) > 50, "jobs to flow")

        system.journal.write("fault", "full")
        system.queue.redis.config_set("maxmemory", 1_000_000)
        system.chance_s(2, 3)
        refusal = caller.enqueue()
        system.queue.redis.config_set("maxmemory", 0)
        freed_at = time.time()
        accepted = caller.enqueue()
        flow_s = flow_back_s(system, freed_at)
        enqueuer.kill()
        enqueuer.wait()
        system.settle(60)
        account = system.account()

        keep("10", system, account, recovered=f"{flow_s:.1f} s")
        print(f"recovered after {flow_s:.1f} s; {refusal.text}")  # noqa: T201 - a figure of the run
        account.check()
        check_refusal(refusal)
        assert "memory" in refusal.json()["error"]
        assert accepted.status_code == 202
        assert flow_s <= 15


def test_a_full_redis_is_said_so_and_costs_nothing(sqlite_system: FaultSystem) -> None:
    """For some seconds."""
    check_full_redis(sqlite_system)


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
def test_a_full_redis_costs_nothing_under_the_default_lease(open_system: Open, database: str) -> None:
    """On either database."""
    system = open_system(database, SEED)
    system.lock_ms = DEFAULT_LOCK_MS
    check_full_redis(system)
