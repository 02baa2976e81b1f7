"""Bull Board over our queues, through its real HTTP API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from redis import Redis

from app.broker.broker import BullMQBroker
from app.broker.current import current_job
from app.broker.flow import Flow, FlowProducer
from app.broker.queue import Queue
from app.broker.schedulers import Repeat
from tests.interop.conftest import Working, ended
from tests.interop.node import Node
from tests.servers import wait_for

Actor = Callable[..., None]


@dataclass(frozen=True)
class Board:
    """Its API."""

    url: str

    def mail(self, status: str = "latest") -> dict[str, Any]:
        """What it shows of the queue ``mail``, with the jobs of one status."""
        params = {"activeQueue": "mail", "status": status, "page": "1", "jobsPerPage": "20"}
        reply = requests.get(f"{self.url}/api/queues", params=params, timeout=10)
        reply.raise_for_status()
        (queue,) = reply.json()["queues"]
        shown: dict[str, Any] = queue
        return shown

    def put(self, path: str) -> None:
        """Press a button."""
        requests.put(f"{self.url}/api/queues/mail/{path}", json={}, timeout=10).raise_for_status()

    def edit(self, path: str, body: dict[str, Any]) -> None:
        """Fill a form."""
        requests.patch(f"{self.url}/api/queues/mail/{path}", json=body, timeout=10).raise_for_status()


@pytest.fixture
def board(node: Node) -> Board:
    """A board with one queue."""
    return Board(f"http://127.0.0.1:{node.call('board', 'mail')}")


def test_it_lists_our_queue_with_its_counts_and_workers(
    board: Board, queue: Queue, working: Working, actor: Actor
) -> None:
    """As it lists Node's."""
    actor("noop", lambda: None)

    with working():
        ended(queue, queue.add("noop", {}))
        queue.add("noop", {}, delay_ms=60_000)
        shown = board.mail()

    assert (shown["name"], shown["isPaused"], shown["hasWorkers"]) == ("mail", False, True)
    assert (shown["counts"]["completed"], shown["counts"]["delayed"]) == (1, 1)


def test_it_shows_attempts_reason_and_stack_trace_and_retries(
    board: Board, queue: Queue, working: Working, actor: Actor
) -> None:
    """A job that failed here, retried there, runs here again from its first attempt."""
    broken = [True]

    def work(n: int) -> int:
        if broken[0]:
            raise RuntimeError("no answer")
        return n

    actor("work", work)
    with working():
        job_id = queue.add("work", {"n": 7}, attempts=2)
        ended(queue, job_id, "failed")
        (shown,) = board.mail("failed")["jobs"]
        broken[0] = False
        board.put(f"{job_id}/retry")
        job = ended(queue, job_id)

    assert (shown["attempts"], shown["failedReason"], shown["data"]) == (2, "no answer", {"n": 7})
    assert len(shown["stacktrace"]) == 2
    assert all("RuntimeError: no answer" in trace and "in work" in trace for trace in shown["stacktrace"])
    assert (job.return_value, job.failed_reason) == (7, None)


def test_it_shows_what_our_actor_logged_and_the_flow_it_was_in(
    board: Board, queue: Queue, broker: BullMQBroker, working: Working, actor: Actor
) -> None:
    """Lines, and parents with their children."""
    actor("note", lambda: current_job().log("halfway"))
    actor("gather", lambda: None)
    child = Flow("note", "mail", options={"job_id": "child"})

    with working():
        parent = ended(queue, FlowProducer(broker).add(Flow("gather", "mail", children=[child])))
    logs = requests.get(f"{board.url}/api/queues/mail/child/logs", timeout=10).json()
    flow = requests.get(f"{board.url}/api/queues/mail/{parent.id}/flow", timeout=10).json()

    assert logs == ["halfway"]
    assert "child" in str(flow)


def test_it_retries_all_that_failed(board: Board, queue: Queue, working: Working, actor: Actor) -> None:
    """With one button."""
    broken = [True]

    def work() -> None:
        if broken[0]:
            raise RuntimeError("no answer")

    actor("work", work)
    with working():
        ids = [queue.add("work", {}) for _ in range(5)]
        for job_id in ids:
            ended(queue, job_id, "failed")
        broken[0] = False
        board.put("retry/failed")
        wait_for(lambda: queue.get_job_counts()["completed"] == 5, "five runs")

    assert queue.get_job_counts()["failed"] == 0


def test_it_promotes_a_delayed_job_to_our_worker(board: Board, queue: Queue, working: Working, actor: Actor) -> None:
    """An hour early; then all the others."""
    actor("noop", lambda: None)
    ids = [queue.add("noop", {}, delay_ms=3_600_000) for _ in range(3)]

    with working():
        board.put(f"{ids[0]}/promote")
        ended(queue, ids[0])
        assert queue.get_job_counts()["delayed"] == 2
        board.put("promote")
        wait_for(lambda: queue.get_job_counts()["completed"] == 3, "the others")


def test_it_pauses_and_resumes_our_worker(board: Board, queue: Queue, working: Working, actor: Actor) -> None:
    """Both say so."""
    actor("noop", lambda: None)

    with working():
        board.put("pause")
        job_id = queue.add("noop", {})
        paused = queue.is_paused(), board.mail()["isPaused"], queue.job_state(job_id)
        board.put("resume")
        ended(queue, job_id)

    assert paused == (True, True, "waiting")
    assert queue.is_paused() is False


def test_it_cleans_removes_and_empties(
    board: Board, queue: Queue, working: Working, actor: Actor, redis: Redis
) -> None:
    """Ended jobs that are older than its five seconds, one job by its button, all that wait."""
    actor("noop", lambda: None)
    with working():
        done = [ended(queue, queue.add("noop", {})) for _ in range(3)]
    redis.zadd(queue.keys["completed"], {job.id: queue.now_ms() - 60_000 for job in done[:2]})
    one, *_ = (queue.add("noop", {}) for _ in range(3))

    board.put("clean/completed")
    board.put(f"{one}/clean")
    cleaned = queue.get_job_counts()
    board.put("empty")

    assert (cleaned["completed"], cleaned["waiting"]) == (1, 2)
    assert queue.get_job_counts()["waiting"] == 0
    assert queue.get_job(done[0].id) is None


def test_what_it_edits_our_actor_gets(board: Board, queue: Queue, working: Working, actor: Actor) -> None:
    """Data and delay of a job that waits."""
    actor("double", lambda n: 2 * n)
    job_id = queue.add("double", {"n": 1}, delay_ms=3_600_000)

    with working():
        board.edit(f"{job_id}/update-data", {"jobData": {"n": 21}})
        board.edit(f"{job_id}/delay", {"runAt": queue.now_ms()})
        job = ended(queue, job_id)

    assert job.return_value == 42


def test_it_lists_and_removes_our_schedulers(board: Board, queue: Queue) -> None:
    """With their pattern and zone."""
    queue.upsert_job_scheduler("nightly", Repeat(pattern="0 3 * * *", tz="Europe/Madrid"), name="noop")

    listed = requests.get(f"{board.url}/api/job-schedulers", timeout=10).json()
    board.put("job-schedulers/nightly/remove")

    assert "Europe/Madrid" in str(listed)
    assert queue.get_job_schedulers() == []
