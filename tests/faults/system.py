"""The system that faults are done to: its own Redis and database, real worker programs, a real producer."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis.exceptions import RedisError
from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.exc import SQLAlchemyError

from app import db
from app.migrations.run import upgrade
from app.models.job_status import JobStatus
from tests.afresh import start_afresh
from tests.broker.workers import WorkerProgram
from tests.faults import effects
from tests.faults.accounting import Account, take_account
from tests.faults.enqueuing import QUEUE, Enqueuer
from tests.faults.journal import Journal, Line, read
from tests.servers import RedisServer, redis_server, wait_for

ROOT = Path(__file__).parents[2]
#: Everything that follows from a lease takes a fifth of its time with a short one.
SHORT_LOCK_MS, DEFAULT_LOCK_MS = 2_000, 10_000


class FaultSystem:
    """What one test starts, breaks and looks at; all of it ends with the test, by pid.

    ``random`` is the test's only source of chance. Faults are written into the journal, so that what follows them can
    be measured. ``lock_ms`` holds for workers that start from now on.
    """

    def __init__(self, directory: Path, redis: RedisServer, seed: int, started: ExitStack) -> None:
        self.directory = directory
        self.redis = redis
        self.seed = seed
        self.random = random.Random(seed)
        self.lock_ms = SHORT_LOCK_MS
        self.journal = Journal(directory / "journal")
        self.enqueuer = Enqueuer(self.journal)
        self.queue = self.enqueuer.queue
        self.workers: list[WorkerProgram] = []
        self.producer: WorkerProgram | None = None
        self._wanted: dict[WorkerProgram, tuple[int, int]] = {}
        self._started = started
        self._programs = 0
        started.callback(self.journal.close)

    # --- jobs

    def add(self, *job_ids: str, **options: Any) -> list[str]:
        """Add jobs with the same data, as ``Enqueuer.add`` does; returns their ids."""
        self.enqueuer.add(*job_ids, **options)
        return list(job_ids)

    def start_enqueuer(self, name: str, at_once: int = 20, pace: str = "200") -> subprocess.Popen[bytes]:
        """A program that adds ``<name>-…`` jobs, so many a second, until killed; ``die``: in its first add."""
        command = [
            sys.executable,
            "-m",
            "tests.faults.enqueuing",
            str(self.journal.directory),
            name,
            str(at_once),
            pace,
        ]
        with (self.directory / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, env=self._environment(), stdout=log, stderr=log)
        self._started.callback(process.wait)
        self._started.callback(process.kill)
        return process

    # --- programs

    def start_worker(
        self, concurrency: int = 4, *, grace_s: int = 1, ready: bool = True, module: str = "tests.faults.actors"
    ) -> WorkerProgram:
        """One worker program that runs that many jobs at once; ``ready`` waits until it takes them."""
        environment = {
            "FAULTS_CONCURRENCY": str(concurrency),
            "FAULTS_LOCK_MS": str(self.lock_ms),
            "FAULTS_JOURNAL": str(self.journal.directory),
            "SHUTDOWN_GRACE_S": str(grace_s),
        }
        program = self._start(module, environment, threads=concurrency, grace_s=grace_s)
        self.workers.append(program)
        self._wanted[program] = (concurrency, grace_s)
        if ready:
            program.wait_until_ready()
        return program

    def start_producer(self, *, ready: bool = True) -> WorkerProgram:
        """The producer as in production: it ticks, and what was promised and is not in Redis it adds."""
        self.producer = self._start("producer.main", {}, threads=1, grace_s=1)
        if ready:
            self.producer.wait_until_ready()
        return self.producer

    def revive(self) -> None:
        """Start each program again that has ended, as a supervisor does."""
        for program in [one for one in self.workers if one.master.poll() is not None]:
            self.workers.remove(program)
            concurrency, grace_s = self._wanted.pop(program)
            self.start_worker(concurrency, grace_s=grace_s, ready=False)
        if self.producer and self.producer.master.poll() is not None:
            self.start_producer(ready=False)

    def _start(self, module: str, environment: dict[str, str], *, threads: int, grace_s: int) -> WorkerProgram:
        self._programs += 1
        log = self.directory / f"{module}-{self._programs}.log"
        environment = self._environment() | environment
        program = WorkerProgram(module, environment, log, threads=threads, grace_ms=grace_s * 1000)
        self._started.callback(program.end)
        return program

    @staticmethod
    def _environment() -> dict[str, str]:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return {**os.environ, "PYTHONPATH": path}

    # --- faults

    def any_worker(self) -> WorkerProgram:
        """One of those at work, by chance."""
        self.wait_for_workers(1)
        return self.random.choice(self._at_work())

    def wait_for_workers(self, count: int) -> None:
        """Until so many are at work; those that have ended are started again."""
        wait_for(lambda: len(self._at_work()) >= count, f"{count} workers to be at work", every_s=0.1)

    def _at_work(self) -> list[WorkerProgram]:
        self.revive()
        return [one for one in self.workers if one.is_ready() and has_keeper(one)]

    def kill(self, program: WorkerProgram) -> None:
        """``kill -9`` of the process that runs jobs. Its keeper lives on to hand them back, and ends by itself."""
        worker, keeper = program.worker, program.keeper
        self._started.callback(_end, keeper)
        self.journal.write("fault", "kill", detail=str(worker.pid))
        worker.kill()

    def kill_host(self, program: WorkerProgram) -> None:
        """Worker and keeper die together: nobody hands anything back."""
        worker, keeper = program.worker, program.keeper
        self.journal.write("fault", "kill-host", detail=str(worker.pid))
        for process in (keeper, worker):
            process.suspend()
        for process in (keeper, worker):
            process.kill()

    @contextmanager
    def frozen(self, program: WorkerProgram) -> Iterator[None]:
        """Worker and keeper stand still for the length of the block, and then go on as if nothing had happened."""
        processes = program.keeper, program.worker
        self.journal.write("fault", "freeze", detail=str(processes[-1].pid))
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def terminate(self, program: WorkerProgram) -> None:
        """SIGTERM, as a supervisor sends it; the program is not started again."""
        self.workers.remove(program)
        self.journal.write("fault", "terminate", detail=str(program.worker.pid))
        program.terminate()

    def restart_redis(self) -> None:
        """``kill -9``, and a start from the append-only file."""
        self.journal.write("fault", "redis", detail=str(self.redis.process.pid))
        self.redis.kill()
        self.redis.start()

    def empty_redis(self) -> None:
        """Somebody's FLUSHALL."""
        self.journal.write("fault", "flush", detail=str(self.redis.process.pid))
        self.queue.redis.flushall()

    def chance_s(self, least: float, most: float) -> None:
        """Let so many seconds pass, by chance: which moment a fault hits is not the test's choice."""
        time.sleep(self.random.uniform(least, most))

    # --- what came of it

    def lines(self, event: str, key: str | None = None) -> list[Line]:
        """What the journal has of that kind, so far."""
        return [line for line in read(self.journal.directory) if line.event == event and key in (None, line.key)]

    def have_started(self, job_ids: Iterable[str]) -> bool:
        """Whether each of these jobs has."""
        return {line.key for line in self.lines("start")}.issuperset(job_ids)

    def row(self, job_id: str) -> JobStatus:
        """The job's row."""
        with db.reading() as session:
            return session.scalars(select(JobStatus).where(JobStatus.queue == QUEUE, JobStatus.job_id == job_id)).one()

    def settle(self, timeout_s: float = 30) -> float:
        """Wait until no job is open, in rows and in Redis; returns how long that took, or the timeout if it did not."""
        began = time.monotonic()
        with suppress(AssertionError):  # the account says which jobs it was
            wait_for(self.is_quiet, "every job to end", timeout_s, every_s=0.05)
        return time.monotonic() - began

    def is_quiet(self) -> bool:
        """Whether every row has ended and no job is on its way in Redis; False while either is away."""
        self.revive()
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
        return self._count(JobStatus.ended_at.is_not(None))

    def open_jobs(self) -> int:
        """How many have not; 0 while the database is away."""
        self.revive()
        return self._count(JobStatus.ended_at.is_(None))

    @staticmethod
    def _count(condition: ColumnElement[bool]) -> int:
        count = select(func.count()).where(JobStatus.queue == QUEUE, condition)
        try:
            with db.engine().connect() as connection:
                return connection.execute(count).scalar_one()
        except SQLAlchemyError:
            return 0

    def account(self) -> Account:
        """Journal, rows and Redis, compared and printed."""
        account = take_account(self.journal.directory, db.engine(), self.queue)
        print(f"\nseed {self.seed}, {db.engine().dialect.name}: {account}")  # noqa: T201 - a figure of the run
        return account


@contextmanager
def fault_system(
    directory: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> Iterator[FaultSystem]:
    """An embedded Redis, and that database, which must be empty, migrated."""
    with ExitStack() as started:
        (directory / "redis").mkdir()
        redis = started.enter_context(redis_server(directory / "redis"))
        monkeypatch.setenv("TORIL_ENV", "test")
        monkeypatch.setenv("TORIL_VAR", str(directory))
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("REDIS_URL", redis.url.removesuffix("/0"))
        start_afresh()
        started.callback(start_afresh)
        upgrade()
        effects.create(db.engine())
        yield FaultSystem(directory, redis, seed, started)


def has_keeper(program: WorkerProgram) -> bool:
    """Whether it is at work: its master outlives a worker that was killed by a moment."""
    try:
        return program.keeper.is_running()
    except (ValueError, psutil.NoSuchProcess):
        return False


def _end(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()
