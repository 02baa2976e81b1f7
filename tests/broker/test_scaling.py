"""Several worker programs on one queue: twice as many do as much again (S1-F4), and a limit holds for all of them."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.broker.broker import BullMQBroker
from tests.broker.workers import WorkerProgram
from tests.servers import wait_for

JOBS = 300

pytestmark = pytest.mark.long


def jobs_a_second(redis_url: str, directory: Path, programs: int) -> float:
    """From the first start to the last end, by Redis's clock, with the programs up before the first job is added."""
    queue = BullMQBroker(redis_url, prefix="scaling").queue("io")
    queue.obliterate(force=True)
    queue.resume()
    with ExitStack() as started:
        for number in range(programs):
            log = directory / f"worker-{programs}-{number}.log"
            program = WorkerProgram("tests.broker.sleeping", {"REDIS_URL": redis_url}, log, threads=5)
            started.callback(program.end)
            program.wait_until_ready()
        queue.add_bulk(queue.new_job("wait", {}) for _ in range(JOBS))
        wait_for(lambda: queue.get_job_counts()["completed"] == JOBS, "every job to end", 60, every_s=0.05)
    done = queue.get_jobs(["completed"], end=JOBS)
    began, ended = min(job.processed_on or 0 for job in done), max(job.finished_on or 0 for job in done)
    return JOBS / ((ended - began) / 1_000)


def test_a_rate_limit_holds_for_two_worker_programs_together(redis_url: str, tmp_path: Path) -> None:
    """40 starts a second, for ten seconds: within 5 % of what the limit allows, and never more in a window."""
    limit, seconds = 40, 10
    queue = BullMQBroker(redis_url, prefix="scaling").queue("io")
    queue.obliterate(force=True)
    queue.set_rate_limit(limit, 1_000)
    queue.resume()
    with ExitStack() as started:
        for number in range(2):
            program = WorkerProgram(
                "tests.broker.sleeping", {"REDIS_URL": redis_url}, tmp_path / f"limited-{number}.log", threads=5
            )
            started.callback(program.end)
            program.wait_until_ready()
        queue.add_bulk(queue.new_job("wait", {}) for _ in range(limit * seconds))
        wait_for(lambda: queue.get_job_counts()["completed"] == limit * seconds, "every job to end", 60, every_s=0.05)
    queue.set_rate_limit(None)
    starts = sorted(job.processed_on or 0 for job in queue.get_jobs(["completed"], end=limit * seconds))

    windows = Counter((start - starts[0]) // 1_000 for start in starts)
    rate = len(starts) / ((starts[-1] - starts[0]) / 1_000 + 1)
    print(f"\nlimit {limit}/s: {rate:.1f}/s by two programs, at most {max(windows.values())} in a window")  # noqa: T201
    assert limit * 0.95 <= rate <= limit * 1.05
    assert max(windows.values()) <= limit


def test_a_second_worker_program_doubles_the_throughput_of_io_jobs(redis_url: str, tmp_path: Path) -> None:
    """Within a tenth: two programs of five jobs each are ten at once."""
    one = jobs_a_second(redis_url, tmp_path, 1)
    two = jobs_a_second(redis_url, tmp_path, 2)

    print(f"\nI/O jobs: {one:.1f}/s with one program, {two:.1f}/s with two, ratio {two / one:.2f}")  # noqa: T201
    assert 1.8 <= two / one <= 2.2
