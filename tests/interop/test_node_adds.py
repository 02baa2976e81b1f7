"""What BullMQ's producers add, our actors run: the data are the keyword arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.broker.broker import BullMQBroker
from app.broker.current import current_job
from app.broker.queue import Queue
from tests.interop.conftest import Working, ended
from tests.interop.node import Node, NodeError
from tests.servers import wait_for

Actor = Callable[..., None]


def test_a_plain_add_runs_the_actor_of_that_name(node: Node, queue: Queue, working: Working, actor: Actor) -> None:
    """``queue.add('greet', {name: 'Ana'})`` is ``greet(name='Ana')``, and Node reads what it returned."""
    actor("greet", lambda name: {"text": f"hello {name}"})

    with working():
        job_id = node.add("mail", "greet", {"name": "Ana"})
        job = ended(queue, job_id)

    assert job.return_value == {"text": "hello Ana"}
    assert node.job("mail", job_id)["returnvalue"] == {"text": "hello Ana"}


def test_a_bulk_runs_in_the_order_in_which_it_was_added(
    node: Node, queue: Queue, working: Working, actor: Actor, broker: BullMQBroker
) -> None:
    """``addBulk`` of 50, one at a time here."""
    broker.concurrency["mail"] = 1
    seen: list[int] = []
    actor("note", lambda n: seen.append(n))  # noqa: PLW0108 - the argument must be named

    node.queue("mail", "addBulk", [{"name": "note", "data": {"n": n}} for n in range(50)])
    with working():
        wait_for(lambda: len(seen) == 50, "all of the bulk")

    assert seen == list(range(50))


def test_a_delayed_add_waits_its_time(node: Node, queue: Queue, working: Working, actor: Actor) -> None:
    """The marker that Node sets wakes our worker."""
    actor("noop", lambda: None)

    with working():
        job = ended(queue, node.add("mail", "noop", {}, delay=300))

    assert job.processed_on is not None
    assert 300 <= job.processed_on - job.timestamp < 1_300


def test_priorities_of_node_order_our_runs(
    node: Node, queue: Queue, working: Working, actor: Actor, broker: BullMQBroker
) -> None:
    """None comes first, then 1, then the larger; ``lifo`` overtakes what waits."""
    broker.concurrency["mail"] = 1
    seen: list[str] = []
    actor("note", lambda name: seen.append(name))  # noqa: PLW0108 - the argument must be named
    for name, opts in (("low", {"priority": 9}), ("high", {"priority": 1}), ("none", {}), ("lifo", {"lifo": True})):
        node.add("mail", "note", {"name": name}, **opts)

    with working():
        wait_for(lambda: len(seen) == 4, "four runs")

    assert seen == ["lifo", "none", "high", "low"]


def test_a_flow_of_node_gives_our_parent_its_childrens_values(
    node: Node, queue: Queue, working: Working, actor: Actor
) -> None:
    """Children first, in our worker; the parent sees what they returned."""
    actor("square", lambda n: n * n)

    def gather() -> list[int]:
        job = queue.get_job(current_job().id)
        assert job is not None
        return sorted(job.children_values().values())

    actor("gather", gather)
    children = [{"name": "square", "queueName": "mail", "data": {"n": n}} for n in (2, 3)]

    with working():
        tree = node.call("flow", {"name": "gather", "queueName": "mail", "children": children})
        job = ended(queue, tree["job"]["id"])

    assert job.return_value == [4, 9]


def test_a_child_that_fails_here_fails_its_parent_in_node(
    node: Node, queue: Queue, working: Working, actor: Actor
) -> None:
    """``failParentOnFailure`` is the child's option; the engine honours it."""

    def fail() -> None:
        raise RuntimeError("no such account")

    actor("fail", fail)
    actor("gather", lambda: None)
    child = {"name": "fail", "queueName": "mail", "opts": {"failParentOnFailure": True}}

    with working():
        tree = node.call("flow", {"name": "gather", "queueName": "mail", "children": [child]})
        parent = ended(queue, tree["job"]["id"], "failed")

    assert parent.failed_reason is not None
    assert "failed" in parent.failed_reason
    assert node.job("mail", parent.id)["failedReason"] == parent.failed_reason


def test_a_deduplicated_add_runs_once_and_may_come_again_after_its_end(
    node: Node, queue: Queue, working: Working, actor: Actor
) -> None:
    """Node's ``deduplication: {id}`` holds until our worker has ended the job."""
    actor("noop", lambda: None)
    first, second = (node.add("mail", "noop", {}, deduplication={"id": "one"}) for _ in range(2))

    with working():
        ended(queue, first)
        third = node.add("mail", "noop", {}, deduplication={"id": "one"})
        ended(queue, third)

    assert first == second != third


@pytest.mark.parametrize(
    "keeps",
    [(True, 0), (2, 2), ({"count": 1}, 1), ({"age": 3_600}, 4), (False, 4)],
    ids=["none", "two", "count", "age", "all"],
)
def test_retention_that_node_asked_for_is_kept_by_our_worker(
    node: Node, queue: Queue, working: Working, actor: Actor, keeps: tuple[Any, int]
) -> None:
    """``removeOnComplete`` travels in the job."""
    retention, left = keeps
    seen: list[int] = []
    actor("note", lambda n: seen.append(n))  # noqa: PLW0108 - the argument must be named

    with working():
        for n in range(4):
            node.add("mail", "note", {"n": n}, removeOnComplete=retention)
        wait_for(lambda: len(seen) == 4, "four runs")
        wait_for(lambda: queue.get_job_counts()["active"] == 0, "their ends")

    assert node.queue("mail", "getJobCounts", "completed") == {"completed": left}


def test_retries_and_waits_of_node_are_made_here(node: Node, queue: Queue, working: Working, actor: Actor) -> None:
    """``attempts`` and ``backoff`` travel in the job; Node shows every attempt's stack trace."""

    def fail() -> None:
        raise RuntimeError("no answer")

    actor("fail", fail)
    opts = {"attempts": 3, "backoff": {"type": "exponential", "delay": 20}}

    with working():
        job_id = node.add("mail", "fail", {}, **opts)
        ended(queue, job_id, "failed")

    job = node.job("mail", job_id)
    assert (job["attemptsMade"], job["attemptsStarted"], job["failedReason"]) == (3, 3, "no answer")
    assert [trace.splitlines()[-1] for trace in job["stacktrace"]] == ["RuntimeError: no answer"] * 3


def test_wait_until_finished_gives_the_actors_value(node: Node, queue: Queue, working: Working, actor: Actor) -> None:
    """Asked before the job runs."""
    actor("greet", lambda name: f"hello {name}")
    job_id = node.add("mail", "greet", {"name": "Ana"})
    value = node.start("waitUntilFinished", "mail", job_id, 10_000)

    with working():
        assert value.result(10) == "hello Ana"


def test_wait_until_finished_gives_the_reason(node: Node, queue: Queue, working: Working, actor: Actor) -> None:
    """As an error, with the actor's message."""

    def fail() -> None:
        raise RuntimeError("no such account")

    actor("fail", fail)
    job_id = node.add("mail", "fail", {})
    value = node.start("waitUntilFinished", "mail", job_id, 10_000)

    with working(), pytest.raises(NodeError, match="no such account"):
        value.result(10)
