"""After a loss flows come back whole: parents wait for what they waited for, and get what had been finished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import dramatiq
import pytest
from dramatiq import Worker
from redis import Redis
from sqlalchemy import update

from app import db
from app.broker.current import current_job
from app.broker.flow import Flow, FlowProducer
from app.broker.job import Job
from app.broker.queue import Queue
from app.broker.recorder import EndKind, Recorder
from app.jobs.engine import broker, find_queue
from app.ledger.standing import look
from app.models.job_status import JobStatus
from tests.ledger.rows import all_rows, end
from tests.producer.test_reconcile import Reconciled, alive, claimed, now
from tests.servers import wait_for

POLICY = {"opts": {"continueParentOnFailure": True}}


@pytest.fixture
def recorder(queue: Queue) -> Recorder:
    """The ledger, as the engine has it."""
    recorder = broker().recorder
    assert recorder is not None
    return recorder


@pytest.fixture
def reconciled(queue: Queue) -> Reconciled:
    """A reconciler that has seen Redis whole once."""
    first = Reconciled()
    first.at(now(queue))
    return first


@pytest.fixture
def flow(queue: Queue, reconciled: Reconciled) -> Queue:
    """A root over one child in another queue and one with children of its own; returns the root's queue."""
    leaves = [_child(leaf) for leaf in ("leaf1", "leaf2")]
    tree = Flow("root", queue.name, {}, [_child("done", "cron"), _child("middle", children=leaves)], {"job_id": "root"})
    FlowProducer(broker()).add(tree)
    return queue


def _child(job_id: str, queue: str = "user-updates", children: Sequence[Flow] = ()) -> Flow:
    return Flow("work", queue, {}, children, {"job_id": job_id, "attempts": 2, **POLICY})


@contextmanager
def working(ran: list[str]) -> Iterator[None]:
    """A real worker of both queues, which notes what it runs."""
    for name, queue in (("root", "user-updates"), ("work", "cron")):
        dramatiq.actor(actor_name=name, queue_name=queue, broker=broker())(lambda: ran.append(current_job().id))
    worker = Worker(broker(), worker_threads=8, worker_timeout=100)
    worker.start()
    try:
        yield
    finally:
        worker.stop(timeout=5_000)


def states(queue: Queue) -> dict[str, str | None]:
    """Where each job of the flow is."""
    cron = find_queue("cron")
    here = {job_id: queue.job_state(job_id) for job_id in ("root", "middle", "leaf1", "leaf2")}
    return {**here, "done": cron.job_state("done")}


def dependencies(redis: Redis, queue: Queue, job_id: str) -> set[str]:
    """Whom it waits for."""
    return {str(key).rpartition(":")[2] for key in redis.smembers(f"{queue.keys[job_id]}:dependencies")}


def finish(queue: Queue, recorder: Recorder, job_id: str, kind: EndKind = EndKind.COMPLETED, **said: Any) -> None:
    """It ends in its row, and Redis confirms it."""
    last = end(*claimed(queue, recorder, job_id), kind, **said)
    recorder.before_settle([last])
    recorder.settled([last])


def test_a_flow_comes_back_as_one(flow: Queue, redis: Redis, reconciled: Reconciled) -> None:
    """Parents wait, and for the same children, over all queues and depths."""
    before = states(flow)
    redis.flushall()

    reconciled.at(now(flow))

    assert states(flow) == before
    assert before["root"] == before["middle"] == "waiting-children"
    assert dependencies(redis, flow, "root") == {"done", "middle"}
    assert dependencies(redis, flow, "middle") == {"leaf1", "leaf2"}
    assert all(row.confirmed_at for row in all_rows())


def test_a_finished_child_gives_its_value_again(
    flow: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """It is settled from its row, not run; a failed one fails again; and the root sees both."""
    ran: list[str] = []
    finish(flow, recorder, "leaf1", return_value={"n": 1})
    finish(flow, recorder, "leaf2", EndKind.FAILED, reason="no")
    redis.flushall()
    reconciled.at(now(flow))

    with working(ran):
        wait_for(lambda: flow.job_state("root") == "completed", "the root to be completed")

    middle = flow.get_job("middle")
    assert sorted(ran) == ["done", "middle", "root"]
    assert isinstance(middle, Job)
    assert list(middle.children_values().values()) == [{"n": 1}]
    assert list(middle.ignored_failures().values()) == ["no"]


def test_a_flow_with_a_running_job_waits_until_that_has_ended(
    flow: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Its worker lives, so it is not started a second time; and its parent must not start without it (R14)."""
    run = claimed(flow, recorder, "leaf1")
    alive("w1", now(flow))
    redis.flushall()

    reconciled.at(now(flow))
    while_it_runs = set(states(flow).values())
    recorder.before_settle([end(*run, return_value=1)])
    reconciled.at(now(flow))

    assert while_it_runs == {None}
    assert dependencies(redis, flow, "middle") == {"leaf1", "leaf2"}


def test_a_child_of_a_parent_that_nobody_knows_comes_back_alone(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Somebody else's flow: only what a worker has seen has a row."""
    FlowProducer(broker()).add(Flow("root", queue.name, {}, [_child("leaf1")], {"job_id": "root"}))
    recorder.before_remove(queue.name, ["root"])
    redis.flushall()

    reconciled.at(now(queue))

    assert queue.job_state("leaf1") == "waiting"
    assert queue.job_state("root") is None


def test_a_parent_whose_children_were_all_removed_does_not_wait(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """There is nobody left to wait for."""
    FlowProducer(broker()).add(Flow("root", queue.name, {}, [_child("leaf1")], {"job_id": "root"}))
    recorder.before_remove(queue.name, ["leaf1"])
    redis.flushall()

    reconciled.at(now(queue))

    assert queue.job_state("root") == "waiting"


def test_two_reconcilers_restore_a_flow_once(flow: Queue, redis: Redis, reconciled: Reconciled) -> None:
    """Side by side; whoever is second finds it whole."""
    redis.flushall()

    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda one: one.at(now(flow)), [reconciled, Reconciled()]))
    reconciled.at(now(flow))

    events: list[tuple[str, dict[str, str]]] = redis.xrange(flow.keys["events"])  # type: ignore[assignment]  # a client's reply
    added = [fields["jobId"] for _, fields in events if fields["event"] == "added"]
    assert sorted(added) == ["leaf1", "leaf2", "middle", "root"]
    assert dependencies(redis, flow, "root") == {"done", "middle"}


def test_a_flow_that_another_has_claimed_meanwhile_is_left_to_it(
    flow: Queue, redis: Redis, reconciled: Reconciled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its jobs is enough: all of it or nothing (R12)."""
    redis.flushall()

    def look_while_another_claims(*of: Any) -> Any:
        with db.session() as session:
            session.execute(update(JobStatus).where(JobStatus.job_id == "leaf2").values(repairs=JobStatus.repairs + 1))
        return look(*of)

    with monkeypatch.context() as racing:
        racing.setattr("producer.flows.look", look_while_another_claims)
        reconciled.at(now(flow))
    while_it_was_anothers = set(states(flow).values())
    reconciled.at(now(flow))

    assert while_it_was_anothers == {None}
    assert dependencies(redis, flow, "middle") == {"leaf1", "leaf2"}


def test_a_child_that_was_tried_comes_back_with_what_is_behind_it(
    flow: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Through BullMQ's own scripts: its attempts and its delay."""
    due_ms = flow.now_ms() + 60_000
    recorder.before_settle([end(*claimed(flow, recorder, "leaf1"), EndKind.RETRYING, due_ms=due_ms)])
    redis.flushall()

    reconciled.at(now(flow))

    job = flow.get_job("leaf1")
    assert job is not None
    assert (flow.job_state("leaf1"), job.attempts_made) == ("delayed", 1)
    assert redis.zscore(flow.keys["delayed"], "leaf1") // 0x1000 == due_ms  # type: ignore[operator]  # a float
