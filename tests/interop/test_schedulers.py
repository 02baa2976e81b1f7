"""Job schedulers go on whoever works: those of Node under our workers, ours under Node's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.broker.queue import Queue
from app.broker.schedulers import Repeat
from tests.interop.conftest import Working
from tests.interop.node import Node
from tests.servers import wait_for

Actor = Callable[..., None]


@pytest.mark.parametrize("scheduler_id", ["pulse", "tenant:7:a:b:1000"], ids=["plain", "with colons"])
def test_nodes_every_advances_under_our_worker(
    node: Node, queue: Queue, working: Working, actor: Actor, scheduler_id: str
) -> None:
    """Unless the worker itself adds the next job, the chain ends after one run."""
    seen: list[int] = []
    actor("echo", lambda n: seen.append(n))  # noqa: PLW0108 - the argument must be named
    node.queue("mail", "upsertJobScheduler", scheduler_id, {"every": 100}, {"name": "echo", "data": {"n": 7}})

    with working():
        wait_for(lambda: len(seen) >= 4, "four runs")

    (scheduler,) = node.queue("mail", "getJobSchedulers")
    assert seen[:4] == [7, 7, 7, 7]
    assert scheduler["iterationCount"] >= 4
    assert all(job["repeatJobKey"] == scheduler_id for job in node.queue("mail", "getJobs", ["completed"]))


def test_our_every_advances_under_nodes_worker(node: Node, queue: Queue) -> None:
    """The job carries what Node's worker needs to add the next one."""
    queue.upsert_job_scheduler("pulse", Repeat(every_ms=100), name="echo", data={"n": 7})

    node.call("work", "mail", {})
    wait_for(lambda: queue.get_job_counts()["completed"] >= 4, "four runs")

    scheduler = queue.get_job_scheduler("pulse")
    assert scheduler is not None
    assert scheduler.iterations >= 4
    assert {job.return_value["echo"]["n"] for job in queue.get_jobs(["completed"])} == {7}


def test_a_pattern_with_seconds_runs_on_the_second_on_both_sides(
    node: Node, queue: Queue, working: Working, actor: Actor
) -> None:
    """Six fields have seconds first, in Node and here; the jobs are due at the same moments."""
    actor("ours", lambda **_: None)
    node.queue(
        "mail", "upsertJobScheduler", "theirs", {"pattern": "* * * * * *", "tz": "Europe/Madrid"}, {"name": "ours"}
    )
    queue.upsert_job_scheduler("ours", Repeat(pattern="* * * * * *", tz="Europe/Madrid"))

    with working():
        wait_for(lambda: queue.get_job_counts()["completed"] >= 4, "two runs of each")

    done = queue.get_jobs(["completed"])
    assert {job.scheduler_id for job in done} == {"ours", "theirs"}
    assert all(int(job.id.rpartition(":")[2]) % 1000 == 0 for job in done)
    assert all(0 <= (job.processed_on or 0) - int(job.id.rpartition(":")[2]) < 500 for job in done)


@pytest.mark.parametrize("worker", ["ours", "node"])
def test_a_limit_ends_a_scheduler_of_the_other_side(
    node: Node, queue: Queue, working: Working, actor: Actor, worker: str
) -> None:
    """Both count the runs in the job's own options."""
    actor("echo", lambda **_: None)
    if worker == "ours":
        node.queue("mail", "upsertJobScheduler", "three", {"every": 50, "limit": 3}, {"name": "echo"})
        with working():
            wait_for(lambda: queue.get_job_counts()["completed"] == 3, "three runs")
    else:
        queue.upsert_job_scheduler("three", Repeat(every_ms=50, limit=3), name="echo")
        node.call("work", "mail", {})
        wait_for(lambda: queue.get_job_counts()["completed"] == 3, "three runs")

    assert queue.get_job_counts()["delayed"] == 0
    assert [job.opts["repeat"]["count"] for job in queue.get_jobs(["completed"], asc=True)] == [1, 2, 3]


def test_both_sides_read_the_same_of_each_scheduler(node: Node, queue: Queue) -> None:
    """Field by field; dates are milliseconds in Node, given as aware datetimes here."""
    start, end = datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    ours = Repeat(pattern="0 9 * * 1-5", tz="America/New_York", limit=9, start_at=start, end_at=end)
    queue.upsert_job_scheduler("a:colon", ours, name="report", data={"x": 1}, opts={"attempts": 3, "priority": 5})
    node.queue("mail", "upsertJobScheduler", "b", {"every": 3_600_000, "offset": 60_000}, {"name": "echo"})

    theirs = {one["key"]: one for one in node.queue("mail", "getJobSchedulers")}

    for scheduler in queue.get_job_schedulers():
        seen = theirs.pop(scheduler.id)
        template = seen.get("template", {})
        assert {
            "name": scheduler.name,
            "next": scheduler.next_ms,
            "iterationCount": scheduler.iterations,
            "every": scheduler.every_ms,
            "pattern": scheduler.pattern,
            "tz": scheduler.tz,
            "limit": scheduler.limit,
            "startDate": scheduler.start_ms,
            "endDate": scheduler.end_ms,
            "offset": scheduler.offset_ms,
            "data": scheduler.data,
            "opts": scheduler.opts,
        } == {
            name: (template if name in {"data", "opts"} else seen).get(name, {} if name == "opts" else None)
            for name in (*SEEN, "data", "opts")
        }
    assert theirs == {}


SEEN = ("name", "next", "iterationCount", "every", "pattern", "tz", "limit", "startDate", "endDate", "offset")


def test_the_same_scheduler_from_either_side_is_due_at_the_same_time(node: Node, queue: Queue) -> None:
    """A pattern in a zone, a start in the future, and an interval with an offset."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=40)
    start_ms = int(start.timestamp() * 1000)
    cases = [
        (Repeat(pattern="30 9 * * 1", tz="Asia/Tokyo"), {"pattern": "30 9 * * 1", "tz": "Asia/Tokyo"}),
        (
            Repeat(pattern="0 0 1 * *", tz="UTC", start_at=start),
            {"pattern": "0 0 1 * *", "tz": "UTC", "startDate": start_ms},
        ),
        (Repeat(every_ms=86_400_000, start_at=start), {"every": 86_400_000, "startDate": start_ms}),
        (Repeat(every_ms=86_400_000, offset_ms=3_000), {"every": 86_400_000, "offset": 3_000}),
    ]
    for n, (ours, theirs) in enumerate(cases):
        queue.upsert_job_scheduler(f"ours-{n}", ours)
        node.queue("mail", "upsertJobScheduler", f"theirs-{n}", theirs)

    due = {scheduler.id: scheduler.next_ms for scheduler in queue.get_job_schedulers()}

    assert [due[f"ours-{n}"] for n in range(4)] == [due[f"theirs-{n}"] for n in range(4)]


def test_either_side_removes_a_scheduler_of_the_other(node: Node, queue: Queue) -> None:
    """With its next job; a scheduler that is gone is not removed again."""
    node.queue("mail", "upsertJobScheduler", "theirs", {"pattern": "0 9 * * *"})
    queue.upsert_job_scheduler("ours", Repeat(pattern="0 9 * * *"))

    removed = queue.remove_job_scheduler("theirs"), node.queue("mail", "removeJobScheduler", "ours")

    assert removed == (True, True)
    assert queue.remove_job_scheduler("theirs") is False
    assert queue.get_job_schedulers() == []
    assert queue.get_job_counts()["delayed"] == 0


PATTERNS = [
    "* * * * *",
    "*/7 * * * *",
    "0 9 * * 1-5",
    "30 8 1,15 * *",
    "0 0 13 * 5",
    "0 0 */2 * 1",
    "0 0 1-7 * 1",
    "0 0 L * *",
    "0 12 * * 5L",
    "0 12 * * 1#2",
    "0 0 29 2 *",
    "0 8 * * 7",
    "0 8 * jan sun",
    "0 0 ? * 1",
    "*/30 * * * * *",
    "0 0 9 * * *",
    "15,45 10 4 * * 2",
    "@daily",
    "@weekdays",
]


@pytest.mark.parametrize("tz", ["UTC", "Europe/Madrid", "America/New_York", "Asia/Kolkata"])
def test_patterns_are_due_when_bullmq_says(node: Node, tz: str) -> None:
    """Its own parser is the oracle: six times of each pattern, through changes of clocks.

    Fixed hours within the change itself are left out: both run them once, BullMQ an hour later.
    """
    from app.broker.cron import next_ms

    start = datetime(2026, 3, 7, 12, 0, 0, 123_000, tzinfo=UTC)
    moments = [int((start + timedelta(days=days)).timestamp() * 1000) for days in (0, 21, 231, 238)]

    theirs = [node.start("cron", pattern, tz, at, 6) for pattern in PATTERNS for at in moments]

    for (pattern, at), answer in zip(((p, at) for p in PATTERNS for at in moments), theirs, strict=True):
        ours: list[int | None] = []
        last: int | None = at
        for _ in range(6):
            last = next_ms(pattern, last or 0, tz)
            ours.append(last)
        assert ours == answer.result(20), f"{pattern} in {tz} after {at}"
