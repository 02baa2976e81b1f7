"""A replica that lacks the last writes becomes the master (FAULTS 7)."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from app.settings import settings
from tests.broker.sentinels import Service, sentinel_service
from tests.faults.conftest import DATABASES, SEED, Open
from tests.faults.enqueuing import Enqueuer
from tests.faults.figures import keep
from tests.faults.flow import flow_back_s
from tests.faults.proxy import Proxy, proxy_of, to_tcp
from tests.faults.system import DEFAULT_LOCK_MS, FaultSystem
from tests.servers import RedisServer, wait_for

#: Of so many accepted jobs the replica has not heard; stock Dramatiq loses 408 of 500.
UNHEARD = 500


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
def test_a_failover_to_a_lagging_replica_loses_nothing(
    open_system: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    """What the new master never had comes back from the rows, within 15 s of its promotion."""
    system = open_system(database, SEED)
    system.lock_ms = DEFAULT_LOCK_MS
    with ExitStack() as stack:
        proxies: list[Proxy] = []

        def through_a_proxy(master: RedisServer) -> int:
            proxies.append(stack.enter_context(proxy_of(to_tcp(master.url))))
            return proxies[0].port

        (tmp_path / "sentinels").mkdir()
        service = stack.enter_context(sentinel_service(tmp_path / "sentinels", through_a_proxy))
        _move_to(service, system, monkeypatch)
        system.start_producer()
        for _ in range(2):
            system.start_worker()
        system.add(*(f"flaky-{n}" for n in range(40)), ms=20, failures=2)
        system.add(*(f"steady-{n}" for n in range(100)), ms=50)
        wait_for(lambda: len(system.lines("effect")) > 50, "jobs to flow")

        assert proxies[0].hold(b"PSYNC") == 1
        system.add(*(f"unheard-{n}" for n in range(UNHEARD)), ms=10)
        lacks = _jobs(service.master) - _jobs(service.replica)
        system.journal.write("fault", "failover", detail=str(service.master.process.pid))
        service.master.kill()
        wait_for(service.has_failed_over, "the replica to be the master", 30)
        promoted_at = time.time()
        flow_s = flow_back_s(system, promoted_at)
        system.settle(60)
        settled_s = time.time() - promoted_at
        account = system.account()

    shown = f"{flow_s:.1f} s"
    keep("7", system, account, unheard=str(lacks), service_after=shown)
    print(f"{lacks} jobs unheard; service after {shown}, all done after {settled_s:.1f} s")  # noqa: T201 - figures
    account.check()
    assert lacks > UNHEARD / 2, "the replica did not lag"
    assert flow_s <= 15


def _move_to(service: Service, system: FaultSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on that service is the system's Redis, for the test and for what it starts."""
    monkeypatch.setenv("QUEUE_REDIS_URL", service.url)
    monkeypatch.setenv("CACHE_REDIS_URL", service.url.removesuffix("2") + "3")
    settings.cache_clear()
    system.enqueuer = Enqueuer(system.journal)
    system.queue = system.enqueuer.queue


def _jobs(server: RedisServer) -> int:
    """How many keys its queues have."""
    with Redis.from_url(server.url.removesuffix("0") + "2") as client:
        return int(client.dbsize())
