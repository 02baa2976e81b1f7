"""Connections that end at the worst moment, and a server that stands still (FAULTS 8, 9)."""

from __future__ import annotations

import hashlib
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url

import app.broker
from app.settings import settings
from tests.faults.conftest import DATABASES, SEED, Open
from tests.faults.figures import keep
from tests.faults.flow import flow_back_s
from tests.faults.proxy import Cut, Moment, Proxy, proxy_of, to_tcp, to_unix_socket
from tests.faults.system import DEFAULT_LOCK_MS, FaultSystem
from tests.servers import wait_for


def _script(name: str) -> bytes:
    """How a call of that script is told on the wire."""
    (path,) = (Path(app.broker.__file__).parent / "lua").glob(f"{name}-*.lua")
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest().encode()


#: What each request is known by, and the server it goes to.
POINTS: Mapping[str, bytes] = {
    "add": _script("addMany"),
    "fetch": _script("claimMany"),
    "finish": _script("finishMany"),
    "COMMIT": b"COMMIT",
    "record": b'"kind":"',  # ends, in one statement that commits itself
}
#: Those that go to PostgreSQL.
IN_SQL = ("COMMIT", "record")


@dataclass(frozen=True)
class Wires:
    """What runs between the system's programs and its two servers."""

    redis: Proxy
    database: Proxy | None

    def cut(self, point: str, times: int, every: int) -> list[Cut]:
        """So many cuts at each moment, spread so that they do not fall on one request after the other."""
        proxy = self.database if point in IN_SQL else self.redis
        assert proxy, f"there is no wire for {point}"
        return [
            proxy.cut(POINTS[point], moment, times=times, every=every + 2 * number)
            for number, moment in enumerate(Moment)
        ]


@contextmanager
def wired(system: FaultSystem, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wires]:
    """Programs that are started in the block reach Redis, and PostgreSQL if it is that, through proxies.

    The test itself does not.
    """
    database = make_url(settings().database_url)
    with ExitStack() as stack:
        redis = stack.enter_context(proxy_of(to_tcp(system.redis.url)))
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{redis.port}")
        if database.get_backend_name() == "sqlite":
            yield Wires(redis, None)
            return
        socket = f"{database.query['host']}/.s.PGSQL.{database.port or 5432}"
        postgres = stack.enter_context(proxy_of(to_unix_socket(socket)))
        through = database.set(host="127.0.0.1", port=postgres.port, query={"sslmode": "disable"})
        monkeypatch.setenv("DATABASE_URL", through.render_as_string(hide_password=False))
        yield Wires(redis, postgres)


def check_cuts(system: FaultSystem, wires: Wires, points: Mapping[str, int], every: int, pace: int) -> None:
    """Work under cuts, so many a moment at each point; afterwards nothing is lost, doubled or stranded."""
    system.start_producer()
    for _ in range(2):
        system.start_worker()
    cuts = {point: wires.cut(point, times, every) for point, times in points.items()}
    enqueuer = system.start_enqueuer("cut", at_once=5, pace=str(pace))

    wait_for(lambda: all(cut.made == cut.times for some in cuts.values() for cut in some), "the cuts", 600)
    enqueuer.kill()
    enqueuer.wait()
    settled_s = system.settle(60)
    account = system.account()

    made = {point: sum(cut.made for cut in some) for point, some in cuts.items()}
    keep("9", system, account, cuts=", ".join(f"{point} {count}" for point, count in made.items()))
    print(f"cuts {made}; settled after {settled_s:.1f} s")  # noqa: T201 - a figure of the run
    account.check()


def test_cut_connections_strand_and_double_nothing(open_system: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample: two cuts at each moment of add, fetch, finish, COMMIT and the record of ends."""
    system = open_system("postgresql", SEED)
    with wired(system, monkeypatch) as wires:
        check_cuts(system, wires, dict.fromkeys(POINTS, 2), every=7, pace=100)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("database", "point"),
    [("postgresql", point) for point in POINTS] + [("sqlite", point) for point in POINTS if point not in IN_SQL],
)
def test_two_hundred_cut_connections_strand_and_double_nothing(
    open_system: Open, monkeypatch: pytest.MonkeyPatch, database: str, point: str
) -> None:
    """67 at each of the three moments, under the product's own leases. SQLite has no connection to cut."""
    system = open_system(database, SEED)
    system.lock_ms = DEFAULT_LOCK_MS
    with wired(system, monkeypatch) as wires:
        check_cuts(system, wires, {point: 67}, every=3, pace=20)


def check_standstill(system: FaultSystem, stop_s: float) -> None:
    """Redis stands still while jobs run, fail, end and are added; then all goes on, by itself and once."""
    system.start_producer()
    for _ in range(2):
        system.start_worker()
    system.add(*(f"flaky-{n}" for n in range(40)), ms=20, failures=1)
    system.add(*(f"long-{n}" for n in range(4)), ms=int(stop_s * 500))
    system.add(*(f"quick-{n}" for n in range(400)), ms=50)
    enqueuer = system.start_enqueuer("meanwhile", pace="40")
    wait_for(lambda: len(system.lines("effect")) > 50, "jobs to flow")

    system.redis.process.send_signal(signal.SIGSTOP)
    system.journal.write("fault", "stop", detail=str(system.redis.process.pid))
    system.chance_s(stop_s, stop_s)
    system.redis.process.send_signal(signal.SIGCONT)
    resumed_at = time.time()
    flow_s = flow_back_s(system, resumed_at)
    enqueuer.kill()
    enqueuer.wait()
    system.settle(60)
    account = system.account()

    keep("8", system, account, stopped=f"{stop_s:.0f} s", flow_back=f"{flow_s:.1f} s")
    print(f"stopped for {stop_s} s, flow back after {flow_s:.1f} s")  # noqa: T201 - a figure of the run
    account.check()
    assert flow_s <= 10


def test_work_flows_again_when_redis_has_stood_still(sqlite_system: FaultSystem) -> None:
    """For three leases: 2 s each here, 10 s by default."""
    check_standstill(sqlite_system, 6)


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("stop_s", [30, 70])
def test_work_flows_again_when_redis_has_stood_still_for_long(open_system: Open, database: str, stop_s: int) -> None:
    """Under the product's own leases."""
    system = open_system(database, SEED)
    system.lock_ms = DEFAULT_LOCK_MS
    check_standstill(system, stop_s)
