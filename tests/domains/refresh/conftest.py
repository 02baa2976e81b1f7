"""One user with three seller accounts, a simulated Amazon on a real port, and jobs run as the engine runs them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from msgspec.structs import replace
from sqlalchemy import Engine
from werkzeug.serving import make_server

from app import db
from app.broker.current import JobWriter, RunningJob, set_current_job
from app.broker.recorder import Claim, EndKind, Start
from app.domains.accounts.sellers import Seller, put_account
from app.domains.amazon.simulator import Options, create_app
from app.domains.refresh.outcome import RefreshResult
from app.domains.refresh.user import refresh_user
from app.ledger.recorder import UNRECORDED, Ledger
from app.models.schedule import UserUpdateSchedule
from app.models.user import User
from tests.ledger.rows import Silent, claim, end, new_job, started
from tests.servers import free_port

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)


class Clock:
    """The time of a test: it stands until it is moved."""

    def __init__(self) -> None:
        self.at = NINE

    def __call__(self) -> datetime:
        """Now."""
        return self.at

    def advance(self, **by: float) -> None:
        """Move it on."""
        self.at += timedelta(**by)


@dataclass(slots=True)
class SimulatedAmazon:
    """The simulator, as a test asks it for faults and counts its calls."""

    url: str
    options: Options

    def fail(self, seller: str, operation: str, fault: str, times: int | None = 1) -> None:
        """Set a fault; ``times`` None lasts."""
        asked = {"seller": seller, "operation": operation, "fault": fault, "times": times}
        requests.post(f"{self.url}/faults", json=asked, timeout=5).raise_for_status()

    def mend(self) -> None:
        """Take every fault back."""
        requests.delete(f"{self.url}/faults", timeout=5).raise_for_status()

    def calls(self) -> dict[tuple[str, str], int]:
        """How often each operation of each seller was called."""
        counted = requests.get(f"{self.url}/calls", timeout=5).json()
        return {(entry["seller"], entry["operation"]): entry["calls"] for entry in counted}


@pytest.fixture
def clock() -> Clock:
    """Nine o'clock."""
    return Clock()


@pytest.fixture
def amazon_options() -> Options:
    """Reports are made at once, budgets are generous."""
    return Options(budget_scale=1_000, report_s=0)


@pytest.fixture
def amazon(clock: Clock, amazon_options: Options) -> Iterator[SimulatedAmazon]:
    """The simulator under the test's clock."""
    port = free_port()
    server = make_server("127.0.0.1", port, create_app(clock=clock, options=amazon_options), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield SimulatedAmazon(f"http://127.0.0.1:{port}", amazon_options)
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(slots=True)
class RefreshJob:
    """One job in the ledger; every ``run`` is claimed, numbered and run as the engine does it."""

    ledger: Ledger
    claimed: Claim
    asked: dict[str, Any]
    clock: Clock
    writer: JobWriter = field(default_factory=Silent)
    start: Start = UNRECORDED

    def run(self, attempt: int = 1) -> RefreshResult:
        """One run of that attempt; whatever the actor raises comes out."""
        claimed = replace(self.claimed, attempt=attempt)
        self.start = started(self.ledger, claimed)
        set_current_job(RunningJob(claimed, self.start, self.writer, claimed.claimed_ms))
        try:
            return refresh_user("7", **self.asked, now=self.clock)
        finally:
            set_current_job(None)

    def settle(self, kind: EndKind) -> None:
        """Redis has confirmed the end of the last run."""
        self.ledger.settled([end(self.claimed, self.start, kind, recorded=True)])


class Jobs:
    """Where a test's jobs come from."""

    def __init__(self, clock: Clock) -> None:
        self.ledger = Ledger()
        self.clock = clock

    def add(self, job_id: str = "1", **asked: Any) -> RefreshJob:
        """A promised job."""
        job = new_job(job_id)
        self.ledger.before_add([job])
        self.ledger.added([job])
        return RefreshJob(self.ledger, claim(job), asked, self.clock)


@pytest.fixture
def settled(redis_url: str, amazon: SimulatedAmazon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that lead to the test's Redis and the test's Amazon."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("AMAZON_SIMULATOR_PORT", amazon.url.rpartition(":")[2])


@pytest.fixture
def jobs(settled: None, sqlite_database: Engine, clock: Clock) -> Jobs:
    """Jobs of user 7, who sells in the United States, Germany and Japan."""
    return _jobs_of_user_7(clock)


@pytest.fixture
def jobs_on_both(settled: None, database: Engine, clock: Clock) -> Jobs:
    """The same on both kinds of database, one after the other."""
    return _jobs_of_user_7(clock)


def _jobs_of_user_7(clock: Clock) -> Jobs:
    with db.session() as session:
        session.add(User(id="7", email="7@example.com", password_hash=""))
        session.flush()
        session.add(UserUpdateSchedule(user_id="7", daily_update_hour=9, weekly_update_day=0))
        for country, region in (("DE", "EU"), ("JP", "FE"), ("US", "NA")):
            put_account(session, "7", Seller(country, region, f"S{country}", "1", f"demo-S{country}-{country}"))
    return Jobs(clock)
