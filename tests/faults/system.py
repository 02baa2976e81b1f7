"""The system that faults are done to: its own Redis and database, real worker programs, a real producer."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis.exceptions import RedisError
from sqlalchemy import exists, select
from sqlalchemy.exc import SQLAlchemyError

from app import db
from app.broker.broker import BullMQBroker
from app.broker.options import fixed
from app.ledger.recorder import Ledger
from app.migrations.run import upgrade
from app.models.job_status import JobStatus
from app.settings import settings
from tests.broker.workers import WorkerProgram
from tests.faults import effects
from tests.faults.accounting import Account, take_account
from tests.faults.journal import Journal
from tests.servers import RedisServer, redis_server, wait_for

QUEUE = "faults"
ROOT = Path(__file__).parents[2]
#: The default is 10 s. Everything that follows from a lease takes a fifth here.
SHORT_LOCK_MS = 2_000
BACKOFF_MS = 200
BULK = 500


class FaultSystem:
    """What one test starts, breaks and looks at; all of it ends with the test, by pid.

    ``random`` is the test's only source of chance; its seed is printed. Faults are written into the journal, so that
    what follows them can be measured.
    """

    def __init__(self, directory: Path, redis: RedisServer, seed: int, started: ExitStack) -> None:
        self.directory = directory
        self.redis = redis
        self.seed = seed
        self.random = random.Random(seed)
        self.journal = Journal(directory / "journal")
        self.broker = BullMQBroker(redis.url, prefix=settings().queue_prefix, recorder=Ledger())
        self.queue = self.broker.queue(QUEUE)
        self._started = started
        self._programs = 0
        started.callback(self.journal.close)

    # --- jobs

    def add(self, *job_ids: str, name: str = "work", attempts: int = 4, **data: Any) -> list[str]:
        """Add jobs with the same data, in bulk, and journal both sides of the add. Raises what the add raises."""
        for start in range(0, len(job_ids), BULK):
            chunk = job_ids[start : start + BULK]
            self.journal.write("intent", *chunk)
            jobs = [
                self.queue.new_job(name, data, job_id=one, attempts=attempts, backoff=fixed(BACKOFF_MS))
                for one in chunk
            ]
            self.queue.add_bulk(jobs)
            self.journal.write("accepted", *chunk)
        return list(job_ids)

    # --- programs

    def start_worker(
        self, concurrency: int = 4, *, lock_ms: int = SHORT_LOCK_MS, grace_s: int = 1, ready: bool = True
    ) -> WorkerProgram:
        """One worker program that runs that many jobs at once; ``ready`` waits until it takes them."""
        environment = {
            "FAULTS_CONCURRENCY": str(concurrency),
            "FAULTS_LOCK_MS": str(lock_ms),
            "FAULTS_JOURNAL": str(self.journal.directory),
            "SHUTDOWN_GRACE_S": str(grace_s),
        }
        return self._start("tests.faults.actors", environment, threads=concurrency, grace_s=grace_s, ready=ready)

    def start_producer(self, *, ready: bool = True) -> WorkerProgram:
        """The producer as in production: it ticks, and what was promised and is not in Redis it adds."""
        return self._start("producer.main", {}, threads=1, grace_s=1, ready=ready)

    def _start(
        self, module: str, environment: dict[str, str], *, threads: int, grace_s: int, ready: bool
    ) -> WorkerProgram:
        self._programs += 1
        log = self.directory / f"{module}-{self._programs}.log"
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        environment = {**environment, "PYTHONPATH": path}
        program = WorkerProgram(module, environment, log, threads=threads, grace_ms=grace_s * 1000)
        self._started.callback(program.end)
        if ready:
            program.wait_until_ready()
        return program

    # --- faults

    def kill(self, program: WorkerProgram) -> None:
        """``kill -9`` of the process that runs jobs. Its keeper lives on to hand them back, and ends by itself."""
        worker, keeper = program.worker, program.keeper
        self._started.callback(_end, keeper)
        self.journal.write("fault", "kill", detail=str(worker.pid))
        worker.kill()

    def kill_host(self, program: WorkerProgram) -> None:
        """Worker and keeper die together: nobody hands anything back."""
        self.journal.write("fault", "kill-host", detail=str(program.worker.pid))
        program.kill_worker_and_keeper()

    @contextmanager
    def frozen(self, program: WorkerProgram) -> Iterator[None]:
        """Worker and keeper stand still for the length of the block, and then go on as if nothing had happened."""
        processes = [program.keeper, program.worker]
        self.journal.write("fault", "freeze", detail=str(program.worker.pid))
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def restart_redis(self) -> None:
        """``kill -9``, and a start from the append-only file."""
        self.journal.write("fault", "redis", detail=str(self.redis.process.pid))
        self.redis.kill()
        self.redis.start()

    def chance_s(self, least: float, most: float) -> None:
        """Let so many seconds pass, by chance: what a fault hits is the system's own doing."""
        time.sleep(self.random.uniform(least, most))

    # --- what came of it

    def settle(self, timeout_s: float = 30) -> float:
        """Wait until no job is open, in rows and in Redis; returns how long that took, or the timeout if it did not."""
        began = time.monotonic()
        with suppress(AssertionError):  # the account says which jobs it was
            wait_for(self.is_quiet, "every job to end", timeout_s, every_s=0.05)
        return time.monotonic() - began

    def is_quiet(self) -> bool:
        """Whether every row has ended and no job is on its way in Redis; False while either is away."""
        try:
            counts = self.queue.get_job_counts()
            if any(counts[state] for state in counts if state not in ("completed", "failed")):
                return False
            with db.engine().connect() as connection:
                is_open = exists().where(JobStatus.queue == QUEUE, JobStatus.ended_at.is_(None))
                return not connection.execute(select(is_open)).scalar_one()
        except (RedisError, SQLAlchemyError):
            return False

    def ended(self) -> int:
        """How many jobs' rows have ended; 0 while the database is away."""
        try:
            with db.engine().connect() as connection:
                rows = select(JobStatus.id).where(JobStatus.queue == QUEUE, JobStatus.ended_at.is_not(None))
                return len(connection.execute(rows).all())
        except SQLAlchemyError:
            return 0

    def account(self) -> Account:
        """Journal, rows and Redis, compared and printed."""
        account = take_account(self.journal.directory, db.engine(), self.queue)
        print(f"\nseed {self.seed}, {db.engine().dialect.name}: {account}")  # noqa: T201 - a figure of the run
        return account

    def started_runs(self, job_ids: Sequence[str]) -> bool:
        """Whether each of these jobs has started, as its row says."""
        with db.engine().connect() as connection:
            rows = select(JobStatus.job_id).where(JobStatus.queue == QUEUE, JobStatus.started_at.is_not(None))
            return set(job_ids) <= set(connection.execute(rows).scalars())


Open = Callable[..., FaultSystem]


@contextmanager
def fault_system(
    directory: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, seed: int | None = None
) -> Iterator[FaultSystem]:
    """An embedded Redis, and that database, migrated; it must be empty. Without a seed, one by chance."""
    with ExitStack() as started:
        (directory / "redis").mkdir()
        redis = started.enter_context(redis_server(directory / "redis"))
        monkeypatch.setenv("TORIL_ENV", "test")
        monkeypatch.setenv("TORIL_VAR", str(directory))
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("REDIS_URL", redis.url.removesuffix("/0"))
        _forget_settings()
        started.callback(_forget_settings)
        upgrade()
        effects.create(db.engine())
        started.callback(db.engine().dispose)
        yield FaultSystem(directory, redis, secrets.randbelow(10**6) if seed is None else seed, started)


def _forget_settings() -> None:
    settings.cache_clear()
    db.engine.cache_clear()


def _end(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()
