"""Redis is emptied again and again, with everything that waits in it (FAULTS 4)."""

from __future__ import annotations

import time

import pytest

from tests.faults.conftest import DATABASES, Open
from tests.faults.emptied import CHILDREN, FLOWS, JOBS, Waiting
from tests.faults.figures import keep
from tests.faults.system import DEFAULT_LOCK_MS
from tests.servers import wait_for

SEED = 20260101
FLUSHES = 4


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
def test_an_emptied_redis_gets_back_what_waits_and_only_that(open_system: Open, database: str) -> None:
    """FLUSHALL four times while jobs run: all come back within 30 s, the pause holds, what was removed stays away."""
    system = open_system(database, SEED)
    system.lock_ms = DEFAULT_LOCK_MS
    waiting = Waiting()
    system.start_producer()
    for _ in range(2):
        system.start_worker(6, module="tests.faults.waiting")
    enqueuer = system.start_enqueuer("work", pace="40")
    system.add(*(f"flaky-{n}" for n in range(40)), ms=20, failures=2)
    waiting.add()
    wait_for(lambda: len(system.lines("start")) > 50, "jobs to flow")

    back_s = []
    for _ in range(FLUSHES):
        system.chance_s(0.5, 2)
        system.journal.write("fault", "flushall")
        system.queue.redis.flushall()
        flushed_at = time.monotonic()
        wait_for(waiting.are_back, "every waiting job to be in Redis again", 60, every_s=0.1)
        back_s.append(time.monotonic() - flushed_at)
    enqueuer.kill()
    enqueuer.wait()
    system.settle(120)
    account = system.account()
    paused = (waiting.paused.is_paused(), waiting.paused.get_job_counts()["waiting"])
    started = [line.key for line in system.lines("start") if line.key.startswith(("paused-", "drained-", "cleaned-"))]
    waiting.paused.resume()
    wait_for(lambda: waiting.paused.get_job_counts()["completed"] == JOBS, "the paused queue to go on", 30)

    shown = ", ".join(f"{one:.1f}" for one in back_s)
    keep("4", system, account, back=f"{shown} s", pause="holds" if paused == (True, JOBS) else f"lost: {paused}")
    print(f"back after {shown} s; paused queue {paused}")  # noqa: T201 - a figure of the run
    account.check()
    assert max(back_s) <= 30
    assert paused == (True, JOBS)
    assert started == [], "the pause did not hold, or what was removed came back"
    for queue in (waiting.drained, waiting.cleaned):
        assert queue.count() == 0
        assert not list(waiting.removed(queue))
    parents = [system.queue.get_job(f"parent-{number}") for number in range(FLOWS)]
    assert [job and job.return_value for job in parents] == [CHILDREN] * FLOWS
