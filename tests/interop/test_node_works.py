"""What Python adds, BullMQ's own workers run; and both kinds of worker share one queue."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from app.broker.broker import BullMQBroker
from app.broker.errors import JobFailed
from app.broker.flow import Flow, FlowProducer
from app.broker.queue import Queue
from tests.interop.conftest import Working, ended
from tests.interop.node import Node
from tests.servers import wait_for

Actor = Callable[..., None]


def test_node_runs_our_job_and_we_see_its_value(node: Node, queue: Queue) -> None:
    """The data are what a Node processor expects: a plain object."""
    node.call("work", "mail", {})

    job = ended(queue, queue.add("echo", {"name": "Ana"}))

    assert job.return_value == {"echo": {"name": "Ana"}}
    assert job.progress == {"percent": 50}
    assert job.wait_until_finished(1) == {"echo": {"name": "Ana"}}


def test_we_see_why_a_job_failed_in_node(node: Node, queue: Queue) -> None:
    """With its attempts, which we asked for, and their stack traces."""
    node.call("work", "mail", {})

    job = ended(queue, queue.add("fail", {"why": "closed"}, attempts=2), "failed")

    assert (job.failed_reason, job.attempts_made, len(job.stacktrace)) == ("no: closed", 2, 2)
    with pytest.raises(JobFailed, match="no: closed"):
        job.wait_until_finished(1)


def test_node_waits_for_our_delay(node: Node, queue: Queue) -> None:
    """The marker that we set wakes Node's worker."""
    node.call("work", "mail", {})

    job = ended(queue, queue.add("echo", {}, delay_ms=300))

    assert job.processed_on is not None
    assert 300 <= job.processed_on - job.timestamp < 1_300


def test_node_runs_our_priorities_in_order(node: Node, queue: Queue) -> None:
    """None comes first, then 1, then the larger."""
    node.call("listen", "mail", ["active"])
    ids = [queue.add("echo", {}, priority=priority) for priority in (9, 1, 0)]

    node.call("work", "mail", {})
    for job_id in ids:
        ended(queue, job_id)
    wait_for(lambda: len(node.seen("mail", "active")) == 3, "three events")

    assert [payload["jobId"] for payload in node.seen("mail", "active")] == list(reversed(ids))


def test_our_flow_runs_in_node(node: Node, queue: Queue, broker: BullMQBroker) -> None:
    """Children first; the parent reads their values with BullMQ's own call."""
    node.call("work", "mail", {})
    children = [Flow("echo", "mail", {"n": n}) for n in (1, 2)]

    job = ended(queue, FlowProducer(broker).add(Flow("gather", "mail", children=children)))

    assert sorted(value["echo"]["n"] for value in job.return_value) == [1, 2]


def test_a_global_concurrency_holds_for_both_kinds_of_worker_together(
    node: Node, queue: Queue, working: Working, actor: Actor
) -> None:
    """One at a time, whoever runs it: an end before every start."""
    actor("sign", lambda **_: "python")
    node.call("listen", "mail", ["active", "completed"])
    queue.set_global_concurrency(1)
    queue.pause()
    queue.add_bulk([queue.new_job("sign", {"n": n}) for n in range(40)])

    with working():
        node.call("work", "mail", {"concurrency": 4})
        queue.resume()
        wait_for(lambda: queue.get_job_counts()["completed"] == 40, "40 ends")
        wait_for(lambda: len(node.seen("mail", "completed")) == 40, "40 events")

    assert [name for name, _ in node.seen("mail")] == ["active", "completed"] * 40


def test_a_rate_limit_holds_for_both_kinds_of_worker_together(
    node: Node, queue: Queue, working: Working, actor: Actor
) -> None:
    """Five in 300 ms, whoever runs them: the first of each five starts in a window of its own."""
    actor("sign", lambda **_: "python")
    queue.set_rate_limit(5, 300)
    queue.pause()
    queue.add_bulk([queue.new_job("sign", {"n": n}) for n in range(15)])

    with working():
        node.call("work", "mail", {"concurrency": 4})
        queue.resume()
        wait_for(lambda: queue.get_job_counts()["completed"] == 15, "15 ends")

    starts = sorted(job.processed_on or 0 for job in queue.get_jobs(["completed"]))
    assert starts[5] - starts[0] >= 295
    assert starts[10] - starts[5] >= 295


def test_both_kinds_of_worker_share_a_queue_and_run_each_job_once(
    node: Node, queue: Queue, working: Working, actor: Actor
) -> None:
    """200 jobs, half added by each side; each end is signed by whoever ran it.

    Ours hold their first four until Node has ended one, so that neither can be left out.
    """
    go = threading.Event()

    def sign(**_: object) -> str:
        go.wait(10)
        return "python"

    actor("sign", sign)
    node.call("listen", "mail", ["active"])
    node.queue("mail", "addBulk", [{"name": "sign", "data": {"n": n}} for n in range(100)])
    queue.add_bulk([queue.new_job("sign", {"n": n}) for n in range(100, 200)])

    with working():
        wait_for(lambda: queue.get_job_counts()["active"] == 4, "ours to hold four")
        node.call("work", "mail", {"concurrency": 4})
        wait_for(lambda: queue.get_job_counts()["completed"], "Node to end one")
        go.set()
        wait_for(lambda: queue.get_job_counts()["completed"] == 200, "200 ends")
        wait_for(lambda: len(node.seen("mail", "active")) >= 200, "200 events")

    jobs = queue.get_jobs(["completed"], 0, -1)
    signed = Counter(job.return_value for job in jobs)
    assert {job.data["n"] for job in jobs} == set(range(200))
    assert all(job.attempts_started == 1 for job in jobs)
    assert len(node.seen("mail", "active")) == 200
    assert min(signed["node"], signed["python"]) > 0
