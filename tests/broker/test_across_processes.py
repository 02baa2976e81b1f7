"""What holds for a queue holds for all its workers together: two real programs share each queue here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest

from app.broker.broker import BullMQBroker
from app.broker.events import QueueEvents
from app.broker.job import Job
from app.broker.queue import Queue
from tests.broker.workers import Line, WorkerProgram, diary
from tests.servers import wait_for

MEGABYTE = 1_000_000


@pytest.fixture
def queue(broker: BullMQBroker) -> Queue:
    """The queue that both programs listen on."""
    return broker.queue("work")


@pytest.fixture
def two_workers(redis_url: str, tmp_path: Path) -> Iterator[tuple[WorkerProgram, WorkerProgram]]:
    """Two programs, ready to take jobs."""
    environment = {"REDIS_URL": redis_url, "DIARY": str(tmp_path / "diary")}
    programs = [WorkerProgram("tests.broker.sharing", environment, tmp_path / f"{name}.log") for name in "ab"]
    try:
        for program in programs:
            program.wait_until_ready()
        yield programs[0], programs[1]
    finally:
        for program in programs:
            program.end()


def add_together(queue: Queue, jobs: list[dict[str, object]], priorities: list[int] | None = None) -> None:
    """Add jobs so that no worker sees the first before the last is there."""
    queue.pause()
    priority = priorities or [0] * len(jobs)
    queue.add_bulk([queue.new_job("work", data, priority=p) for data, p in zip(jobs, priority, strict=True)])
    queue.resume()


def completed(queue: Queue, tmp_path: Path, count: int) -> list[Line]:
    """The diary, once that many jobs have completed."""
    wait_for(lambda: queue.get_job_counts()["completed"] == count, f"{count} jobs to complete")
    lines = diary(tmp_path / "diary")
    assert len({line.pid for line in lines}) == 2, "one of the two processes did nothing"
    return lines


@pytest.mark.usefixtures("two_workers")
def test_the_rate_limit_of_two_processes_is_met_within_five_percent(queue: Queue, tmp_path: Path) -> None:
    """20 in half a second: neither more, nor less than the work that waits would allow."""
    per_window, window_s, windows = 20, 0.5, 6
    queue.set_rate_limit(per_window, int(window_s * 1000))

    add_together(queue, [{"name": f"j{n}"} for n in range(per_window * (windows + 1))])
    lines = completed(queue, tmp_path, per_window * (windows + 1))

    started = sorted(line.at for line in lines if line.event == "start")
    rate = per_window * windows / (started[per_window * windows] - started[0])
    assert rate == pytest.approx(per_window / window_s, rel=0.05)


@pytest.mark.usefixtures("two_workers")
def test_the_global_concurrency_of_two_processes_is_never_exceeded(queue: Queue, tmp_path: Path) -> None:
    """Three at once although the two could run eight; and three it is, not one."""
    queue.set_global_concurrency(3)

    add_together(queue, [{"name": f"j{n}", "ms": 20} for n in range(90)])
    lines = completed(queue, tmp_path, 90)

    # An end before a start of the same instant: what runs is counted from inside the actors, so never too high.
    changes = sorted((line.at, 1 if line.event == "start" else -1) for line in lines)
    assert max(accumulate(change for _, change in changes)) == 3


@pytest.mark.usefixtures("two_workers")
def test_priorities_hold_across_the_whole_queue(queue: Queue, tmp_path: Path) -> None:
    """Both processes together claim 0 first, then 1, 2 …, whatever the order of the adds."""
    priorities = [(n * 7) % 10 for n in range(200)]
    events = QueueEvents(queue)

    add_together(queue, [{"name": f"j{n}", "ms": 2} for n in range(200)], priorities)
    completed(queue, tmp_path, 200)

    claimed = [event.job_id for event in events.read() if event.name == "active"]
    jobs = {job.id: job for job in queue.get_jobs(["completed"], 0, -1)}
    assert [jobs[job_id or ""].opts.get("priority", 0) for job_id in claimed] == sorted(priorities)


#: What may stand in a job's data, and a part of the reason that it fails with.
MALFORMED = [
    ('{"n": ', "data must be a JSON object of arguments, it is '{\"n\": '"),
    ("[1, 2]", "data must be a JSON object of arguments, it is '[1, 2]'"),
    ("", "data must be a JSON object of arguments, it is 'None'"),
    ('{"n": NaN}', "data must be a JSON object of arguments, it is '{\"n\": NaN}'"),
    ("[" * 5_000, "data must be a JSON object of arguments, it is '[[["),
    ('{"m": 1}', "unexpected keyword argument 'm'"),
    ('{"n": 1, "__class__": "int"}', "unexpected keyword argument '__class__'"),
    ("{}", "missing 1 required positional argument: 'n'"),
    ('{"n": "seven"}', "n must be an integer, it is a str"),
    ('{"n": null}', "n must be an integer, it is a NoneType"),
]
BIG = [
    ('"' + "x" * MEGABYTE, "data must be a JSON object of arguments, it is '\"xxx"),
    (json.dumps({"n": "x" * MEGABYTE}), "n must be an integer, it is a str"),
    (json.dumps({"x" * MEGABYTE: 1}), "unexpected keyword argument 'xxx"),
]


def forge(queue: Queue, job_id: str, name: str, data: str, opts: str = "{}") -> None:
    """Write a job straight into Redis, as no producer would."""
    fields = {"name": name, "data": data, "opts": opts, "timestamp": 1, "delay": 0, "priority": 0}
    with queue.redis.pipeline() as pipe:
        pipe.hset(queue.keys[job_id], mapping=fields)  # type: ignore[arg-type]  # redis takes numbers
        pipe.lpush(queue.keys["wait"], job_id)
        pipe.zadd(queue.keys["marker"], {"0": 0})
        pipe.execute()


def failed(queue: Queue, job_id: str) -> Job:
    """That job, which must have failed."""
    job = queue.get_job(job_id)
    assert job is not None
    assert job.state() == "failed", f"{job.name} {str(job.data)[:80]} is {job.state()}"
    return job


def test_a_thousand_malformed_jobs_harm_none_of_a_thousand_good_ones(
    queue: Queue, two_workers: tuple[WorkerProgram, WorkerProgram]
) -> None:
    """Each bad one fails alone, with its reason; the processes live on (FAULTS 21)."""
    workers = [program.worker for program in two_workers]
    queue.pause()
    bad = [*BIG * 4, *(MALFORMED[n % len(MALFORMED)] for n in range(1_000 - 4 * len(BIG)))]
    for n, (data, _) in enumerate(bad):
        forge(queue, f"bad-{n}", "double", data)
        queue.add("double", {"n": n}, job_id=f"good-{n}")

    queue.resume()
    wait_for(lambda: queue.count() + queue.get_job_counts()["active"] == 0, "all jobs to end", 30)

    good = queue.get_jobs(["completed"], 0, -1)
    assert {(job.id, job.return_value) for job in good} == {(f"good-{n}", 2 * n) for n in range(1_000)}
    for n, (_, reason) in enumerate(bad):
        assert reason in (failed(queue, f"bad-{n}").failed_reason or "")
    assert all(worker.is_running() for worker in workers)


@pytest.mark.usefixtures("two_workers")
@pytest.mark.parametrize(
    "name",
    ["os.system", "os:system", "subprocess.run", "builtins.exec", "app.broker.queue.Queue", "double.fn", "é"],
)
def test_a_job_named_after_something_importable_fails_as_unknown(queue: Queue, tmp_path: Path, name: str) -> None:
    """A name is looked up among the declared actors and nowhere else (FAULTS 28); the reason names it."""
    canary = tmp_path / "canary"
    forge(queue, "forged", name, json.dumps({"command": f"touch {canary}"}))

    wait_for(lambda: queue.job_state("forged") == "failed", "the forged job to fail")

    assert failed(queue, "forged").failed_reason == f"no actor named {name!r} in this worker"
    assert not canary.exists()
