"""The official Python package on the same queues: its producers and its workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import bullmq

from app.broker.queue import Queue
from tests.interop.conftest import PREFIX, Working, ended
from tests.servers import wait_for

Actor = Callable[..., None]


def test_its_queue_adds_and_our_actor_runs(redis_url: str, queue: Queue, working: Working, actor: Actor) -> None:
    """Plain, delayed and prioritized; it sees the value."""
    actor("double", lambda n: 2 * n)

    async def add() -> list[str]:
        theirs = bullmq.Queue("mail", {"connection": redis_url, "prefix": PREFIX})
        options: list[dict[str, Any]] = [{}, {"delay": 50}, {"priority": 2}]
        jobs = [await theirs.add("double", {"n": n}, opts) for n, opts in enumerate(options)]
        await theirs.close()
        return [job.id for job in jobs]

    async def value(job_id: str) -> Any:
        theirs = bullmq.Queue("mail", {"connection": redis_url, "prefix": PREFIX})
        job = await bullmq.Job.fromId(theirs, job_id)
        await theirs.close()
        return job.returnvalue

    with working():
        jobs = [ended(queue, job_id) for job_id in asyncio.run(add())]

    assert [job.return_value for job in jobs] == [0, 2, 4]
    assert asyncio.run(value(jobs[2].id)) == 4


def test_its_scheduler_goes_on_under_our_worker(redis_url: str, queue: Queue, working: Working, actor: Actor) -> None:
    """As Node's do."""
    actor("beat", lambda **_: None)

    async def schedule() -> None:
        theirs = bullmq.Queue("mail", {"connection": redis_url, "prefix": PREFIX})
        await theirs.upsertJobScheduler("pulse", {"every": 50, "limit": 3}, "beat")
        await theirs.close()

    asyncio.run(schedule())
    with working():
        wait_for(lambda: queue.get_job_counts()["completed"] == 3, "three runs")

    assert queue.count() == 0


def test_its_worker_runs_what_we_add(redis_url: str, queue: Queue) -> None:
    """One that succeeds and one that fails."""
    good, bad = queue.add("double", {"n": 4}), queue.add("double", {"n": "four"})

    async def work() -> None:
        left = asyncio.Event()

        async def process(job: Any, token: str) -> int:
            if not isinstance(job.data["n"], int):
                raise TypeError(f"no number: {job.data['n']}")
            return 2 * int(job.data["n"])

        worker = bullmq.Worker("mail", process, {"connection": redis_url, "prefix": PREFIX})
        worker.on("failed", lambda *_: left.set())
        await asyncio.wait_for(left.wait(), 10)
        await worker.close()

    asyncio.run(work())

    assert ended(queue, good).return_value == 8
    assert ended(queue, bad, "failed").failed_reason == "no number: four"
