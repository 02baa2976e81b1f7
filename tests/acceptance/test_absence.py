"""No process exits because Redis or the database is away, neither at its start nor later."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests
from redis import Redis
from sqlalchemy import select

from app import db
from app.auth.tokens import issue
from app.domains.accounts.users import register
from app.jobs.catalog import worker_threads
from app.migrations.run import upgrade
from app.models.crontab_cursor import CrontabCursor
from app.models.job_status import JobStatus
from app.models.user import Role
from app.settings import settings
from tests.afresh import start_afresh
from tests.postgres import PostgresServer, postgres_server
from tests.servers import RedisServer, free_port, redis_server, wait_for

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
DRAMATIQ = ["dramatiq", "-p", "1", "--worker-fork-timeout", "1000", "--skip-logging", "-t"]
PATIENCE_S = 60


class Landscape:
    """A Redis and a PostgreSQL, both down, and the programs that want them."""

    def __init__(self, redis: RedisServer, postgres: PostgresServer, directory: Path, started: ExitStack) -> None:
        self.redis = redis
        self._postgres = postgres
        self._directory = directory
        self._started = started
        self._programs: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        """Start a program as the supervisor would."""
        with self._log(name).open("wb") as log:
            program = subprocess.Popen([BIN / command[0], *command[1:]], stdout=log, stderr=log, cwd=self._directory)
        self._programs[name] = program
        self._started.callback(program.wait, 45)
        self._started.callback(program.send_signal, signal.SIGTERM)

    def said(self, name: str) -> str:
        """What it has written so far."""
        return self._log(name).read_text(errors="replace")

    def take_away(self) -> None:
        """Both servers die."""
        self.redis.kill()
        self._postgres.kill()

    def bring(self) -> None:
        """Both servers come, or come back."""
        self._postgres.start()
        self.redis.start()

    def fallen(self) -> dict[str, str]:
        """The programs that have exited, and their last words."""
        return {name: self.said(name)[-2_000:] for name, one in self._programs.items() if one.poll() is not None}

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"


@pytest.fixture
def landscape(monkeypatch: pytest.MonkeyPatch) -> Iterator[Landscape]:
    """A migrated database; then both servers are away."""
    with ExitStack() as started:
        directory = Path(started.enter_context(TemporaryDirectory(prefix="toril-")))
        (directory / "redis").mkdir()
        redis = started.enter_context(redis_server(directory / "redis"))
        postgres = started.enter_context(postgres_server())
        for name, value in {
            "TORIL_ENV": "test",
            "TORIL_VAR": str(directory / "var"),
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url.removesuffix("/0"),
            "WEB_PORT": str(free_port()),
        }.items():
            monkeypatch.setenv(name, value)
        start_afresh()
        started.callback(start_afresh)
        upgrade()
        one = Landscape(redis, postgres, directory, started)
        one.take_away()
        yield one


def health() -> int:
    """The status of /health; 0 while nobody listens."""
    try:
        return requests.get(f"http://127.0.0.1:{settings().web_port}/health", timeout=10).status_code
    except (requests.ConnectionError, requests.Timeout):
        return 0


def updated(caller: dict[str, str]) -> str:
    """Ask the API for an update; returns the job's id once it is accepted."""
    url = f"http://127.0.0.1:{settings().web_port}/app/jobs/user/manual-update"
    reply = requests.post(url, json={"updateType": "daily"}, headers=caller, timeout=20)
    assert reply.status_code in (202, 503), reply.text
    return str(reply.json()["data"]["jobId"]) if reply.status_code == 202 else ""


def check_work(landscape: Landscape, caller: dict[str, str]) -> None:
    """An update is accepted, run and written down."""
    job_id = ""

    def accepted() -> bool:
        nonlocal job_id
        job_id = updated(caller)
        return bool(job_id)

    def ended() -> bool:
        with db.reading() as session:
            query = select(JobStatus.settled_at).where(JobStatus.job_id == job_id)
            return session.scalars(query).first() is not None

    wait_for(accepted, "the API to accept a job", PATIENCE_S, every_s=0.2)
    wait_for(ended, f"job {job_id} to end", PATIENCE_S, every_s=0.2)
    assert landscape.fallen() == {}


def test_programs_wait_for_what_is_away_and_go_on_by_themselves(landscape: Landscape) -> None:
    """Started before Redis and PostgreSQL; then both go and come back: the same processes do the work."""
    landscape.start("web", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "app.wsgi:application")
    landscape.start("worker", *DRAMATIQ, str(worker_threads()), "workers.main")
    landscape.start("producer", *DRAMATIQ, "1", "--queues", "cron", "--", "producer.main")
    landscape.start("clock", "periodiq", "producer.main")
    wait_for(lambda: health() == 503, "the API to say that it has nothing", PATIENCE_S)
    wait_for(lambda: "Redis is away" in landscape.said("worker"), "the worker to miss Redis", PATIENCE_S)
    wait_for(lambda: "cannot tick" in landscape.said("producer"), "the producer to miss its servers", PATIENCE_S)
    wait_for(lambda: "was not sent" in landscape.said("clock"), "the clock to miss its first beat", PATIENCE_S)

    landscape.bring()
    wait_for(lambda: health() == 200, "the API to find both", PATIENCE_S)
    with db.session() as session:
        caller = {"Authorization": f"Bearer {issue(register(session, 'ada@example.com', 'x', Role.USER))}"}

    def ticked() -> bool:
        with db.reading() as session:
            return session.scalars(select(CrontabCursor.entry_id)).first() is not None

    wait_for(ticked, "the producer to tick", PATIENCE_S, every_s=0.2)
    check_work(landscape, caller)
    landscape.take_away()
    wait_for(lambda: health() == 503, "the API to miss them", PATIENCE_S)
    landscape.bring()
    check_work(landscape, caller)


@pytest.mark.long
def test_a_clock_that_has_missed_a_beat_sends_the_next(landscape: Landscape) -> None:
    """Within a minute of Redis' coming."""
    landscape.start("clock", "periodiq", "producer.main")
    wait_for(lambda: "was not sent" in landscape.said("clock"), "the clock to miss its first beat", PATIENCE_S)

    landscape.bring()

    with Redis.from_url(landscape.redis.url) as client:
        wait_for(lambda: client.llen("bullmq:cron:wait"), "the next beat", 70, every_s=0.2)
    assert landscape.fallen() == {}
