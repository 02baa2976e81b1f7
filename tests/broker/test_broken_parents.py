"""A job that names no parent though it has fields for one fails in sight; BullMQ's script alone would never end it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from dramatiq import Worker

from app.broker.broker import BullMQBroker
from app.broker.queue import Queue
from app.broker.recorder import Ended, EndKind
from app.broker.taking import end_where_it_waits
from tests.broker.test_runs import actor, ended

Working = Callable[..., AbstractContextManager[Worker]]

PARENT = "test:mail:1"
BROKEN = [
    {"parentKey": "nobody"},
    {"parentKey": ""},
    {"parentKey": PARENT, "parent": "{"},
    {"parentKey": PARENT, "parent": ""},
    {"parentKey": PARENT, "parent": "7"},
    {"parentKey": PARENT, "parent": "{}"},
    {"parentKey": PARENT, "parent": '{"id": ["1"], "queueKey": {}}'},
    {"parentKey": PARENT, "parent": '{"id": "\\ud800", "queueKey": "test:mail"}'},
    {"parentKey": PARENT, "parent": '{"id": "1", "queueKey": "test:mail", "x": ' + "[" * 2_000 + "]" * 2_000 + "}"},
]


@pytest.fixture(params=[True, False], ids=["batched", "official"])
def queue(broker: BullMQBroker, request: pytest.FixtureRequest) -> Queue:
    """Both ways to end a job."""
    broker.batched = request.param
    actor(broker, "noop", lambda: None)
    return broker.queue("mail")


def add_forged(queue: Queue, fields: dict[str, str]) -> None:
    """A job of nobody's flow."""
    queue.pause()
    queue.add("noop", {}, job_id="a")
    queue.redis.hset(queue.keys["a"], mapping=fields)  # type: ignore[arg-type]  # str is among what redis takes
    queue.resume()


@pytest.mark.parametrize("fields", BROKEN, ids=lambda fields: str(fields)[:60])
def test_a_job_with_a_broken_parent_fails_with_the_reason(
    queue: Queue, working: Working, fields: dict[str, str]
) -> None:
    """It is neither run nor left active, and the next job is."""
    add_forged(queue, fields)
    queue.add("noop", {}, job_id="b")

    with working():
        job = ended(queue, "a", "failed")
        ended(queue, "b")

    assert "parent" in (job.failed_reason or "")


@pytest.mark.parametrize("fields", BROKEN, ids=lambda fields: str(fields)[:60])
def test_it_can_be_ended_where_it_waits(broker: BullMQBroker, queue: Queue, fields: dict[str, str]) -> None:
    """A cancelled one, or one that its row has ended."""
    add_forged(queue, fields)

    end_where_it_waits(broker, queue, "a", Ended(EndKind.FAILED, reason="cancelled"), worker="test")

    assert queue.job_state("a") == "failed"


def test_a_parent_that_is_gone_is_no_obstacle(queue: Queue, working: Working) -> None:
    """Its child runs, as with BullMQ."""
    add_forged(queue, {"parentKey": PARENT, "parent": '{"id": "1", "queueKey": "test:mail"}'})

    with working():
        job = ended(queue, "a")

    assert job.failed_reason is None
