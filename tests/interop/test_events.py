"""BullMQ's QueueEvents cannot tell our worker from Node's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.broker.broker import BullMQBroker
from app.broker.current import current_job
from app.broker.errors import Unrecoverable
from app.broker.queue import Queue
from tests.broker.workers import WorkerProgram, diary
from tests.interop.conftest import Working, ended
from tests.interop.node import Node
from tests.servers import wait_for

Actor = Callable[..., None]
EVENTS = ["added", "waiting", "active", "progress", "completed", "failed", "delayed", "retries-exhausted", "removed"]
#: Name, data, BullMQ's options, the state that it ends in.
STORY: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("echo", {"n": 1}, {}, "completed"),
    ("echo", {"n": 2}, {"delay": 20}, "completed"),
    ("echo", {"n": 3}, {"priority": 3}, "completed"),
    ("echo", {"n": 4}, {"delay": 20, "priority": 3}, "completed"),
    ("fail", {"why": "once"}, {}, "failed"),
    ("fail", {"why": "at once"}, {"attempts": 2}, "failed"),
    ("fail", {"why": "later"}, {"attempts": 3, "backoff": {"type": "exponential", "delay": 10}}, "failed"),
    ("refuse", {"why": "final"}, {"attempts": 3}, "failed"),
    ("fail", {"why": "priority"}, {"attempts": 2, "priority": 2}, "failed"),
    ("fail", {"why": "traces"}, {"attempts": 4, "stackTraceLimit": 2, "lifo": True}, "failed"),
    ("fail", {"why": "no traces"}, {"attempts": 2, "stackTraceLimit": 0}, "failed"),
    ("fail", {"why": "jitter"}, {"attempts": 2, "backoff": {"type": "fixed", "delay": 9, "jitter": 0.5}}, "failed"),
    ("echo", {"n": 5}, {"deduplication": {"id": "five"}, "keepLogs": 2}, "completed"),
]


def echo(**data: Any) -> dict[str, Any]:
    """As in bridge.mjs."""
    current_job().update_progress({"percent": 50})
    return {"echo": data}


def fail(why: str) -> None:
    """As in bridge.mjs."""
    raise RuntimeError(f"no: {why}")


def refuse(why: str) -> None:
    """As in bridge.mjs."""
    raise Unrecoverable(f"never: {why}")


def test_the_same_story_has_the_same_events_in_both_workers(
    node: Node, queue: Queue, working: Working, actor: Actor, broker: BullMQBroker
) -> None:
    """Added, waiting, active, progress, completed, failed, delayed, in that order, with the same payloads."""
    for body in (echo, fail, refuse):
        actor(body.__name__, body)
    theirs = broker.queue("theirs")

    node.call("listen", "mail", EVENTS)
    node.call("listen", "theirs", EVENTS)
    with working():
        ours_jobs = list(tell(node, queue))
    node.call("work", "theirs", {})
    theirs_jobs = list(tell(node, theirs))
    wait_for(lambda: len(node.seen("mail")) == len(node.seen("theirs")), "both stories to be told")

    assert [comparable(event) for event in node.seen("mail")] == [comparable(event) for event in node.seen("theirs")]
    assert ours_jobs == theirs_jobs


def tell(node: Node, queue: Queue) -> Iterator[dict[str, Any]]:
    """Each job after the other's end, as Node shows it then; without times and the worker's name."""
    for name, data, opts, state in STORY:
        job_id = node.add(queue.name, name, data, **opts)
        ended(queue, job_id, state)
        job = node.job(queue.name, job_id)
        job["stacktrace"] = len(job["stacktrace"])
        for unlike in ("timestamp", "processedOn", "finishedOn", "processedBy"):
            job.pop(unlike, None)
        yield job


def comparable(event: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Without the moment that a delay ends."""
    name, payload = event
    return name, {key: value for key, value in payload.items() if key != "delay"}


@pytest.fixture
def program(redis_url: str, tmp_path: Path) -> Iterator[WorkerProgram]:
    """A worker of ours that can be killed."""
    environment = {"REDIS_URL": redis_url, "DIARY": str(tmp_path / "diary"), "LOCK_MS": "10000"}
    program = WorkerProgram("tests.broker.crashing", environment, tmp_path / "worker.log")
    yield program
    program.end()


def test_a_killed_workers_job_is_stalled_to_node(node: Node, program: WorkerProgram, tmp_path: Path) -> None:
    """Node sees it stall, wait and, in the next worker's hands, end."""
    node.call("listen", "work", ["stalled", "waiting", "completed"])
    program.wait_until_ready()
    job_id = node.add("work", "hold", {"name": "h", "until": str(tmp_path / "go")})
    wait_for(lambda: diary(tmp_path / "diary"), "the job to run")

    program.kill_worker()
    wait_for(lambda: node.seen("work", "stalled"), "the event")
    (tmp_path / "go").touch()
    node.call("close")

    assert node.job("work", job_id)["stalledCounter"] == 1
