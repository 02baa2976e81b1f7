"""What either side says of a queue and its jobs, the other says too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.broker.broker import BullMQBroker
from app.broker.current import current_job
from app.broker.flow import Flow, FlowProducer
from app.broker.job import Job
from app.broker.queue import STATES, Queue
from tests.interop.conftest import Working, ended
from tests.interop.node import Node
from tests.servers import wait_for

Actor = Callable[..., None]


def furnish(queue: Queue, broker: BullMQBroker, working: Working, actor: Actor) -> None:
    """Jobs in every state but active: some that have run, some that have not."""

    def fail() -> None:
        raise RuntimeError("no answer")

    def succeed(n: int) -> list[int]:
        current_job().update_progress(n)
        current_job().log(f"ran {n}")
        return [n]

    actor("fail", fail)
    actor("succeed", succeed)
    with working():
        for job_id in [queue.add("succeed", {"n": n}) for n in range(3)]:
            ended(queue, job_id)
        ended(queue, queue.add("fail", {}, attempts=2), "failed")
    for n in range(4):
        queue.add("succeed", {"n": n})
        queue.add("succeed", {"n": n}, priority=n + 1)
    queue.add("succeed", {"n": 9}, delay_ms=3_600_000, attempts=5, backoff={"type": "fixed", "delay": 100})
    FlowProducer(broker).add(Flow("succeed", "mail", {"n": 0}, [Flow("succeed", "mail", {"n": 1})]))


def seen_by_us(job: Job) -> dict[str, Any]:
    """Our snapshot in the names of Node's."""
    return {
        "id": job.id,
        "name": job.name,
        "data": job.data,
        "progress": job.progress,
        "attemptsMade": job.attempts_made,
        "attemptsStarted": job.attempts_started,
        "stalledCounter": job.crashes,
        "returnvalue": job.return_value,
        "failedReason": job.failed_reason,
        "stacktrace": list(job.stacktrace),
        "timestamp": job.timestamp,
        "processedOn": job.processed_on,
        "finishedOn": job.finished_on,
        "delay": job.delay,
        "priority": job.priority,
        "processedBy": job.processed_by,
        "repeatJobKey": job.scheduler_id,
    }


def test_counts_are_equal(node: Node, queue: Queue, broker: BullMQBroker, working: Working, actor: Actor) -> None:
    """State by state, running or paused."""
    furnish(queue, broker, working, actor)

    running = node.queue("mail", "getJobCounts", *STATES), queue.get_job_counts()
    queue.pause()
    paused = node.queue("mail", "getJobCounts", *STATES), queue.get_job_counts()

    assert running[0] == running[1]
    assert paused[0] == paused[1]
    assert running[1] == {
        "waiting": 5,
        "prioritized": 4,
        "delayed": 1,
        "active": 0,
        "waiting-children": 1,
        "completed": 3,
        "failed": 1,
    }
    assert node.queue("mail", "count") == queue.count()


def test_jobs_are_equal_field_by_field_and_in_the_same_order(
    node: Node, queue: Queue, broker: BullMQBroker, working: Working, actor: Actor
) -> None:
    """In every state, both ways round."""
    furnish(queue, broker, working, actor)

    for state in STATES:
        for asc in (False, True):
            theirs = node.queue("mail", "getJobs", [state], 0, 99, asc)
            ours = [seen_by_us(job) for job in queue.get_jobs([state], 0, 99, asc=asc)]
            assert ours == [{name: job.get(name) for name in ours[0]} for job in theirs]


def test_options_and_state_of_a_job_are_equal(node: Node, queue: Queue) -> None:
    """Under their documented names, however they are stored."""
    ours = queue.add(
        "succeed",
        {},
        delay_ms=60_000,
        attempts=3,
        backoff={"type": "exponential", "delay": 50},
        remove_on_fail={"age": 60, "count": 5},
        opts={"keepLogs": 7, "stackTraceLimit": 4},
    )
    theirs = node.add("mail", "succeed", {}, keepLogs=7, deduplication={"id": "x", "ttl": 9_000}, sizeLimit=1_000)

    for job_id in (ours, theirs):
        job = queue.get_job(job_id)
        assert job is not None
        assert node.job("mail", job_id)["opts"] == job.opts
        assert node.call("job", "mail", job_id, "getState") == job.state()


def test_logs_are_equal_and_as_long_as_the_job_allows(node: Node, queue: Queue, working: Working, actor: Actor) -> None:
    """A line of either side is read by the other; ``keepLogs`` holds for both."""
    actor("note", lambda: [current_job().log(f"ours {n}") for n in range(5)])

    with working():
        job = ended(queue, node.add("mail", "note", {}, keepLogs=3))
    node.call("job", "mail", job.id, "log", "theirs")

    assert job.return_value == [1, 2, 3, 3, 3]
    assert job.get_logs() == ["ours 3", "ours 4", "theirs"]
    assert node.queue("mail", "getJobLogs", job.id) == {"logs": job.get_logs(), "count": 3}


def test_what_one_side_sets_on_a_queue_the_other_reads(node: Node, queue: Queue) -> None:
    """Pause, global concurrency, rate limit."""
    queue.pause()
    queue.set_global_concurrency(3)
    queue.set_rate_limit(10, 2_000)

    assert node.queue("mail", "isPaused") is True
    assert node.queue("mail", "getGlobalConcurrency") == 3
    assert node.queue("mail", "getGlobalRateLimit") == {"max": 10, "duration": 2_000}
    assert node.queue("mail", "getRateLimitTtl") <= 0

    node.queue("mail", "resume")
    queue.set_global_concurrency(None)
    queue.set_rate_limit(None)

    assert queue.is_paused() is False
    assert node.queue("mail", "getGlobalConcurrency") is None
    assert node.queue("mail", "getGlobalRateLimit") is None


def test_a_rate_limit_that_holds_shows_on_both_sides(node: Node, queue: Queue, working: Working, actor: Actor) -> None:
    """One job a minute: the second waits, and Node says how long."""
    actor("noop", lambda: None)
    queue.set_rate_limit(1, 60_000)

    with working():
        ended(queue, queue.add("noop", {}))
        queue.add("noop", {})

        assert 0 < node.queue("mail", "getRateLimitTtl") <= 60_000
    assert node.queue("mail", "getJobCounts", "waiting") == {"waiting": 1}


def test_both_list_the_workers_of_both(node: Node, queue: Queue, working: Working, actor: Actor) -> None:
    """By the names of their blocking connections."""
    actor("noop", lambda: None)

    with working():
        node.call("work", "mail", {"name": "nodes"})
        wait_for(lambda: len(queue.get_workers()) == 2, "both workers to be listed")
        ours = queue.get_workers()
        theirs = node.queue("mail", "getWorkers")

    assert sorted(one["name"] for one in ours) == sorted(one["rawname"] for one in theirs)


def test_metrics_count_the_ends_of_both_workers(node: Node, queue: Queue, working: Working, actor: Actor) -> None:
    """Two jobs each; the broker of these tests keeps 60 points."""

    def fail(**_: object) -> None:
        raise RuntimeError("no answer")

    actor("echo", lambda **_: None)
    actor("fail", fail)
    story = [("echo", "completed"), ("fail", "failed")]

    with working():
        for name, state in story:
            ended(queue, queue.add(name, {}), state)
    node.call("work", "mail", {"metrics": {"maxDataPoints": 60}})
    for name, state in story:
        ended(queue, queue.add(name, {}), state)

    for ours, state in ((queue.get_metrics("completed"), "completed"), (queue.get_metrics("failed"), "failed")):
        theirs = node.queue("mail", "getMetrics", state)
        assert theirs["meta"]["count"] == ours["count"] == 2
        assert theirs["meta"]["prevTS"] == ours["previous_ms"]
        assert theirs["data"] == ours["points"]
