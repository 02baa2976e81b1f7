"""Whatever dies, a job runs again soon, and a job that kills is not run for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.broker.broker import BullMQBroker
from app.broker.queue import Queue
from tests.broker.workers import Line, WorkerProgram, diary
from tests.servers import RedisServer, redis_server, wait_for

#: At least so much of a lease of 10 s is left at any moment: it is renewed every 3 s.
LEFT_S = 7

Start = Callable[..., WorkerProgram]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of its own, to be killed."""
    (tmp_path / "redis").mkdir()
    with redis_server(tmp_path / "redis") as own:
        own.sync_always()
        yield own


@pytest.fixture
def queue(server: RedisServer) -> Queue:
    """The queue that the worker programs listen on."""
    return BullMQBroker(server.url, prefix="test").queue("work")


@pytest.fixture
def start(server: RedisServer, tmp_path: Path) -> Iterator[Start]:
    """Starts worker programs; whatever is left of them is killed at the end."""
    with ExitStack() as programs:

        def start_one(name: str = "a", lock_ms: int = 10_000) -> WorkerProgram:
            environment = {"REDIS_URL": server.url, "DIARY": str(tmp_path / "diary"), "LOCK_MS": str(lock_ms)}
            program = WorkerProgram("tests.broker.crashing", environment, tmp_path / f"{name}.log")
            programs.callback(program.end)
            program.wait_until_ready()
            return program

        yield start_one


def starts(tmp_path: Path, name: str) -> list[Line]:
    """When and where that job started."""
    return [line for line in diary(tmp_path / "diary") if (line.event, line.name) == ("start", name)]


def hold(queue: Queue, tmp_path: Path, count: int = 1) -> list[str]:
    """Jobs that run until ``go`` exists."""
    return [queue.add("hold", {"name": f"h{n}", "until": str(tmp_path / "go")}, attempts=3) for n in range(count)]


def test_a_killed_workers_jobs_start_again_before_their_lease_is_over(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    """The keeper sees the death and hands them back; BullMQ and Dramatiq need a minute and more.

    The three were running together, so each may be the one that kills: they run again one at a time.
    """
    killed = start("a")
    ids = hold(queue, tmp_path, 3)
    wait_for(lambda: all(starts(tmp_path, f"h{n}") for n in range(3)), "three jobs to run")
    start("b")

    killed.kill_worker()
    killed_at = time.time()
    wait_for(lambda: any(len(starts(tmp_path, f"h{n}")) == 2 for n in range(3)), "the first to run again")
    (tmp_path / "go").touch()
    wait_for(lambda: queue.get_job_counts()["completed"] == 3, "three jobs to complete")

    assert max(starts(tmp_path, f"h{n}")[1].at for n in range(3)) - killed_at < LEFT_S
    assert [len(starts(tmp_path, f"h{n}")) for n in range(3)] == [2, 2, 2]
    assert [job.crashes for job in map(queue.get_job, ids) if job] == [1, 1, 1]


def test_jobs_of_a_lost_host_start_again_after_their_lease(queue: Queue, start: Start, tmp_path: Path) -> None:
    """Worker and keeper die together: another worker's keeper finds the lapsed locks."""
    killed = start("a", lock_ms=2_000)
    hold(queue, tmp_path)
    wait_for(lambda: starts(tmp_path, "h0"), "the job to run")
    start("b", lock_ms=2_000)

    killed.kill_worker_and_keeper()
    wait_for(lambda: len(starts(tmp_path, "h0")) == 2, "the job to run again")
    (tmp_path / "go").touch()
    wait_for(lambda: queue.get_job_counts()["completed"] == 1, "the job to complete")


def test_a_job_that_kills_its_worker_runs_twice_and_fails_with_the_reason(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    """The poison cap: Dramatiq runs it for ever, and the innocent beside it are not charged twice."""
    for name in ("a", "b", "c"):
        start(name)
    poison = queue.add("poison", {"name": "p"}, attempts=10)
    quick = [queue.add("quick", {"name": f"q{n}"}) for n in range(20)]

    wait_for(lambda: queue.job_state(poison) == "failed", "the poison to fail", 30)
    wait_for(lambda: queue.get_job_counts()["completed"] == 20, "its neighbours to complete")

    job = queue.get_job(poison)
    assert len(starts(tmp_path, "p")) == 2
    assert job is not None
    assert job.failed_reason is not None
    assert "killed" in job.failed_reason
    assert all(job.crashes <= 1 for job in map(queue.get_job, quick) if job)


def test_workers_go_on_by_themselves_after_redis_was_killed(
    queue: Queue, start: Start, server: RedisServer, tmp_path: Path
) -> None:
    """What was running ends once; what comes later runs."""
    program = start("a")
    (held,) = hold(queue, tmp_path)
    wait_for(lambda: starts(tmp_path, "h0"), "the job to run")
    worker = program.worker

    server.kill()
    (tmp_path / "go").touch()
    wait_for(lambda: any(line.event == "end" for line in diary(tmp_path / "diary")), "the job to end without Redis")
    server.start()
    wait_for(lambda: queue.job_state(held) == "completed", "its end to be settled")
    later = queue.add("quick", {"name": "later"})
    wait_for(lambda: queue.job_state(later) == "completed", "a later job to run")

    assert len(starts(tmp_path, "h0")) == 1
    assert worker.is_running()


def test_a_stopped_worker_hands_back_what_does_not_end_in_time(queue: Queue, start: Start, tmp_path: Path) -> None:
    """SIGTERM: running jobs get the grace period, then go back uncharged and start elsewhere."""
    stopped = start("a")
    (held,) = hold(queue, tmp_path)
    wait_for(lambda: starts(tmp_path, "h0"), "the job to run")
    start("b")

    stopped.terminate()
    wait_for(lambda: len(starts(tmp_path, "h0")) == 2, "the job to run elsewhere")
    (tmp_path / "go").touch()
    wait_for(lambda: queue.job_state(held) == "completed", "the job to complete")

    job = queue.get_job(held)
    assert job is not None
    assert (job.crashes, job.attempts_made) == (0, 1)


def test_a_worker_whose_master_was_killed_does_not_go_on_alone(queue: Queue, start: Start, tmp_path: Path) -> None:
    """The supervisor will start another: an orphan would work beside it."""
    program = start("a")
    worker = program.worker

    program.master.kill()

    wait_for(lambda: not worker.is_running() or worker.status() == "zombie", "the orphan to end")


def test_a_worker_ends_when_the_thread_that_settles_has_died(queue: Queue, start: Start, tmp_path: Path) -> None:
    """Else it would hold its jobs for ever: its keeper goes on renewing their locks."""
    program = start("a")

    job_id = queue.add("break_settling", {"name": "s"}, attempts=3)
    wait_for(lambda: program.master.poll() is not None, "the program to end")

    wait_for(lambda: queue.job_state(job_id) == "waiting", "its keeper to hand the job back")
    assert "thread finisher died; ending this process" in (tmp_path / "a.log").read_text()


def test_a_worker_ends_when_a_thread_has_died_that_runs_jobs(queue: Queue, start: Start, tmp_path: Path) -> None:
    """Else it would go on with a place less, and at last with none."""
    program = start("a")

    queue.add("break_idle_thread", {"name": "b"})
    wait_for(lambda: program.master.poll() is not None, "the program to end")

    assert "died; ending this process" in (tmp_path / "a.log").read_text()


def test_a_run_that_no_exception_reaches_is_ended_with_its_process(queue: Queue, start: Start, tmp_path: Path) -> None:
    """Past its hard limit the job fails for good with that reason; its neighbour runs again, uncharged."""
    start("a")
    stuck = queue.add("stuck", {"name": "s"}, attempts=5)
    (held,) = hold(queue, tmp_path)
    wait_for(lambda: starts(tmp_path, "s") and starts(tmp_path, "h0"), "both to run")
    start("b")

    wait_for(lambda: queue.job_state(stuck) == "failed", "the stuck job to fail")
    wait_for(lambda: len(starts(tmp_path, "h0")) == 2, "its neighbour to run again")
    (tmp_path / "go").touch()
    wait_for(lambda: queue.job_state(held) == "completed", "its neighbour to complete")

    job, neighbour = queue.get_job(stuck), queue.get_job(held)
    assert job is not None
    assert neighbour is not None
    assert len(starts(tmp_path, "s")) == 1
    assert "limit" in str(job.failed_reason)
    assert neighbour.crashes == 0
