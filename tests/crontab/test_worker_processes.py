"""Runs in real worker programs, which are killed, or take more memory than they may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from app import db
from app.broker.queue import Queue
from app.crontab import entries
from app.crontab.adding import slot_job
from app.jobs.catalog import worker_threads
from app.jobs.enqueue import enqueue_with
from app.models.cron_session import SessionStatus
from app.models.job_status import Status
from tests.broker.workers import WorkerProgram
from tests.crontab.conftest import NINE, WriteJob, all_sessions, sync
from tests.ledger.rows import all_rows
from tests.servers import wait_for

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Start = Callable[[], WorkerProgram]
#: Takes memory in small steps, for ever.
HOG = """
import time
taken = []
while True:
    {attempt}
        taken.append(bytearray(2_000_000))
        time.sleep(0.005)
"""


@pytest.fixture
def start(
    cron_jobs: Queue, redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Starts a worker program as in production."""
    monkeypatch.setenv("REDIS_URL", redis_url.removesuffix("/0"))
    with ExitStack() as started:

        def program() -> WorkerProgram:
            log = tmp_path / f"worker-{len(list(tmp_path.glob('worker-*')))}.log"
            worker = WorkerProgram("workers.main", {}, log, threads=worker_threads())
            started.callback(worker.end)
            worker.wait_until_ready()
            return worker

        yield program


def add() -> None:
    """The slot's job, due now."""
    sync(NINE)
    with db.session() as session:
        enqueue_with(session, [slot_job(entries.find(session, "sample"), NINE, 0)])


def has_ended() -> bool:
    """Whether the job's end is settled."""
    return all_rows()[0].settled_at is not None


def test_a_rerun_after_a_kill_has_the_same_session(write_job: WriteJob, start: Start, tmp_path: Path) -> None:
    """R9: one session, which is RUNNING through the death of its worker."""
    begun, go = tmp_path / "begun", tmp_path / "go"
    wait = f"from pathlib import Path\nimport time\nPath({str(begun)!r}).touch()\nwhile not Path({str(go)!r}).exists():"
    write_job("sample", f"{wait}\n    time.sleep(0.01)\nreturn 'done'")
    add()
    first = start()
    wait_for(begun.exists, "the run to begin")

    first.kill_worker()
    wait_for(lambda: not first.master.is_running() or first.master.status() == "zombie", "the program to end")
    between = all_sessions()
    go.touch()
    start()
    wait_for(has_ended, "the second run to end", timeout_s=40)

    [ran], [row] = all_sessions(), all_rows()
    assert [one.status for one in between] == [SessionStatus.RUNNING]
    assert (ran.id, ran.status) == (between[0].id, SessionStatus.COMPLETED)
    assert (row.run, row.return_value) == (2, "done")


def test_a_run_over_its_memory_fails_and_its_process_is_recycled(write_job: WriteJob, start: Start) -> None:
    """S4-17: told to end, recorded with the reason, not tried again; then the program ends in order."""
    write_job("sample", HOG.format(attempt="if taken is not None:"), memory_limit_mb=60, timeout_s=60, attempts=3)
    add()

    program = start()
    wait_for(has_ended, "the run to be ended", timeout_s=40)
    wait_for(lambda: not program.master.is_running() or program.master.status() == "zombie", "the program to end")

    [ran], [row] = all_sessions(), all_rows()
    assert (ran.status, ran.error) == (SessionStatus.FAILED, "it used over 60 MB of memory")
    assert (ran.will_retry, row.status, row.attempts_made) == (False, Status.FAILED, 1)
    assert (ran.memory_used or 0) > 60 * 2**20


def test_a_run_that_heeds_nothing_is_killed_with_its_process(write_job: WriteJob, start: Start) -> None:
    """Its end was written first, so that it is not run again: the next worker only settles it."""
    stubborn = HOG.format(attempt="try:") + "    except BaseException:\n        pass\n"
    write_job("sample", stubborn, memory_limit_mb=40, timeout_s=60, attempts=3)
    add()

    program = start()
    wait_for(lambda: not program.master.is_running() or program.master.status() == "zombie", "the kill", timeout_s=40)
    start()
    wait_for(has_ended, "the end to be settled", timeout_s=40)

    [ran], [row] = all_sessions(), all_rows()
    assert ran.error == "it used over 40 MB of memory and did not end when it was asked to"
    assert (ran.status, row.status, row.error, row.run) == (SessionStatus.FAILED, Status.FAILED, ran.error, 1)
    assert row.crashes == 0
