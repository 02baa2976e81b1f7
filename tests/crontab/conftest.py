"""A crontab of a test's own: its files, its table, its queue, and a worker in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest
from dramatiq import Worker

from app import db
from app.broker.queue import Queue
from app.clock import utc_now
from app.crontab import code, entries
from app.crontab.execute import run_entry
from app.crontab.sessions import get_sessions
from app.jobs.actor import actor
from app.jobs.catalog import RUN_ENTRY
from app.jobs.engine import broker, find_queue
from app.jobs.payloads import Slot
from app.models.cron_session import CronSession
from app.settings import settings
from tests.jobs import conftest as jobs

queue = jobs.queue
NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)

WriteJob = Callable[..., None]
Working = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def cron_jobs(queue: Queue) -> Queue:
    """The queue in which entries run."""
    return find_queue("cron-jobs")


@pytest.fixture
def write_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WriteJob]:
    """Writes a file of the crontab's folder; the code brings no other."""
    folder = tmp_path / "crontab"
    folder.mkdir()
    monkeypatch.setenv("CRONTAB_DIR", str(folder))
    monkeypatch.setattr(code, "BUILT_IN", folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a file that is written twice in a second is read twice
    settings.cache_clear()

    def write(name: str = "sample", body: str = "return None", /, **fields: object) -> None:
        said = {"name": name, "schedule": "0 * * * *", **fields}
        lines = ["from app.crontab.running import current_run", *(f"{key} = {value!r}" for key, value in said.items())]
        lines += ["def run(log):", *(f"    {line}" for line in dedent(body).strip().splitlines())]
        (folder / f"{name}.py").write_text("\n".join(lines))
        code.jobs.cache_clear()

    yield write
    code.jobs.cache_clear()
    settings.cache_clear()


@pytest.fixture
def working(cron_jobs: Queue) -> Working:
    """Starts a worker on that queue for the length of a block."""

    @contextmanager
    def work() -> Iterator[None]:
        actor(RUN_ENTRY)(lambda **asked: run_entry(Slot(**asked)))
        worker = Worker(broker(), queues={"cron-jobs"}, worker_threads=4, worker_timeout=50)
        worker.start()
        try:
            yield
        finally:
            worker.stop()

    return work


def sync(now: datetime | None = None) -> None:
    """Bring the table up to the code."""
    with db.session() as session:
        entries.sync(session, now or utc_now())


def all_sessions() -> list[CronSession]:
    """Every session, the oldest first."""
    with db.reading() as session:
        return list(reversed(get_sessions(session)))
