"""The system in pieces that a test starts and kills: its own Redis, a simulated Amazon, real worker programs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.serving import make_server

from app import db
from app.domains.accounts.sellers import Seller, put_account
from app.domains.accounts.users import register, verify
from app.domains.amazon.simulator import Options, create_app
from app.jobs.catalog import worker_threads
from app.jobs.user_updates import enqueue_user, enqueue_users
from app.ledger import queries
from app.migrations.run import upgrade
from app.models.job_status import JobStatus
from app.settings import settings
from tests.afresh import start_afresh
from tests.broker.workers import WorkerProgram
from tests.servers import RedisServer, redis_server, wait_for
from tests.web import Web, gunicorn

PLACES = (("US", "NA"), ("DE", "EU"), ("JP", "FE"))


class System:
    """Users, jobs and workers of one test; everything it started ends with it."""

    def __init__(self, directory: Path, redis: RedisServer, amazon_url: str, started: ExitStack) -> None:
        self.directory = directory
        self.redis = redis
        self.amazon_url = amazon_url
        self._started = started
        self._workers = 0

    def add_user(self, name: str, accounts: int = 1) -> str:
        """A verified user with that many seller accounts; returns the id."""
        with db.session() as session:
            user = register(session, f"{name}@example.com", "")
            for country, region in PLACES[:accounts]:
                seller_id = f"{name.upper()}{country}"
                token = f"demo-{seller_id}-{country}"
                put_account(session, user.id, Seller(country, region, seller_id, "1", token))
            verify(session, user.id)
            return user.id

    def start_worker(self, concurrency: int = 1) -> WorkerProgram:
        """One worker program that refreshes that many users at once."""
        self._workers += 1
        log = self.directory / f"worker-{self._workers}.log"
        environment = {"WORKER_CONCURRENCY": str(concurrency)}
        threads = worker_threads() - settings().worker_concurrency + concurrency
        program = WorkerProgram("workers.main", environment, log, threads=threads)
        self._started.callback(program.end)
        program.wait_until_ready()
        return program

    def start_producer(self) -> WorkerProgram:
        """What ticks, reconciles, counts and tells; beats are not sent, it ticks by itself."""
        program = WorkerProgram("producer.main", {}, self.directory / "producer.log", threads=1)
        self._started.callback(program.end)
        program.wait_until_ready()
        return program

    def start_web(self) -> Web:
        """The API and the dashboard under gunicorn, as production runs them."""
        return self._started.enter_context(gunicorn(self.directory))

    def fault(self, seller: str, operation: str, fault: str, times: int | None = 1) -> None:
        """Let Amazon fail so many times; None is for good."""
        asked = {"seller": seller, "operation": operation, "fault": fault, "times": times}
        requests.post(f"{self.amazon_url}/faults", json=asked, timeout=5).raise_for_status()

    def calls(self, operation: str) -> dict[str, int]:
        """How often each seller's operation was called."""
        counted: list[dict[str, Any]] = requests.get(f"{self.amazon_url}/calls", timeout=5).json()
        return {entry["seller"]: entry["calls"] for entry in counted if entry["operation"] == operation}

    def refresh(self, user_id: str) -> str:
        """Enqueue one user; returns the job's id."""
        return enqueue_user(user_id)

    def refresh_all(self, user_ids: list[str]) -> list[str]:
        """Enqueue many users; returns the jobs' ids."""
        return enqueue_users(user_ids)

    def job(self, job_id: str) -> JobStatus:
        """The job's row."""
        with db.reading() as session:
            return session.scalars(queries.job(job_id)).one()

    def ended(self, job_id: str, timeout_s: float = 60) -> JobStatus:
        """The job's row, once it has ended."""
        wait_for(lambda: self.job(job_id).ended_at, f"job {job_id} to end", timeout_s, every_s=0.05)
        return self.job(job_id)


@contextmanager
def running_system(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """A migrated SQLite database, an embedded Redis and a simulated Amazon with generous budgets."""
    with ExitStack() as started:
        (directory / "redis").mkdir()
        redis = started.enter_context(redis_server(directory / "redis"))
        amazon_url = started.enter_context(_amazon(Options(budget_scale=1_000, report_s=0)))
        monkeypatch.setenv("TORIL_VAR", str(directory))
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{directory}/toril.db")
        monkeypatch.setenv("REDIS_URL", redis.url.removesuffix("/0"))
        monkeypatch.setenv("AMAZON_SIMULATOR_PORT", amazon_url.rpartition(":")[2])
        start_afresh()
        started.callback(start_afresh)
        upgrade()
        started.callback(db.engine().dispose)
        yield System(directory, redis, amazon_url, started)


@contextmanager
def _amazon(options: Options) -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server("127.0.0.1", 0, create_app(options=options), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
