"""Actors that follow other actors."""

from __future__ import annotations

from typing import Any

import dramatiq
from dramatiq import group, pipeline
from dramatiq.middleware import GroupCallbacks
from dramatiq.rate_limits.backends import RedisBackend

from app.broker.broker import BullMQBroker
from app.broker.queue import Queue
from tests.broker.compat.conftest import JOIN_MS, Working, declare, failing


def test_success_calls_the_actor_that_the_message_names(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """With the message and the value; as an actor or by name."""
    told: list[Any] = []
    tell = declare("tell", lambda message, value: told.append((message["args"], value)))
    double = declare("double", lambda n: 2 * n)

    with working():
        double.send_with_options(args=(1,), on_success=tell)
        double.send_with_options(args=(2,), on_success="tell")
        broker.join("default", timeout=JOIN_MS)

    assert sorted(told) == [([1], 2), ([2], 4)]


def test_failure_calls_its_actor_for_each_failed_attempt(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """With the error and, in the message's options, how often it has failed."""
    told: list[Any] = []
    declare("tell", lambda message, error: told.append((message["options"]["retries"], error)))
    fail, _ = failing(max_retries=1, min_backoff=1, on_failure="tell")

    with working():
        fail.send()
        broker.join("default", timeout=JOIN_MS)

    assert sorted(told, key=lambda line: line[0]) == [
        (1, {"type": "RuntimeError", "message": "broken 1"}),
        (2, {"type": "RuntimeError", "message": "broken 2"}),
    ]


def test_a_pipeline_hands_on_each_value(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """And its result is the last one's."""

    @dramatiq.actor
    def add(a: int, b: int = 0) -> int:
        return a + b

    with working():
        pipe = (add.message(1, 2) | add.message(3) | add.message(4)).run()
        total = pipe.get_result(block=True, timeout=JOIN_MS)

    assert total == 10
    assert list(pipe.get_results()) == [3, 6, 10]
    assert (pipe.completed, pipe.completed_count) == (True, 3)


def test_a_pipeline_ignores_values_and_heeds_delays_when_told(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """``pipe_ignore`` and ``delay`` are options of the receiving message."""
    take = declare("take", lambda *args: list(args))

    with working():
        second = take.message_with_options(args=(2,), pipe_ignore=True, delay=200)
        pipe = pipeline([take.message(1), second, take.message(3)]).run()
        value = pipe.get_result(block=True, timeout=JOIN_MS)

    job = queue.get_job(second.message_id)
    assert value == [3, [2]]
    assert job is not None
    assert job.opts["delay"] == 200


def test_a_pipeline_stops_where_it_fails(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """The next message is never added."""
    fail, _ = failing(max_retries=0)
    noop = declare("noop", lambda *_: None)
    after = noop.message()

    with working():
        (fail.message() | after).run()
        broker.join("default", timeout=JOIN_MS)

    assert queue.get_job(after.message_id) is None


def test_a_groups_results_come_in_its_order(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Of messages and of pipelines alike."""

    @dramatiq.actor
    def add(a: int, b: int = 0) -> int:
        return a + b

    with working():
        jobs = group([add.message(1, 1), add.message(2, 2) | add.message(3)]).run()
        jobs.wait(timeout=JOIN_MS)

    assert list(jobs.get_results()) == [2, 7]
    assert jobs.completed


def test_a_group_calls_back_once_when_all_have_ended(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Dramatiq's GroupCallbacks, counting in the same Redis."""
    broker.add_middleware(GroupCallbacks(RedisBackend(client=broker.redis)))
    order: list[str] = []
    declare("note", order.append)
    note = broker.get_actor("note")

    jobs = group([note.message("a"), note.message("b")])
    jobs.add_completion_callback(note.message("all"))
    with working():
        jobs.run()
        broker.join("default", timeout=JOIN_MS)

    assert sorted(order[:2]) == ["a", "b"]
    assert order[2:] == ["all"]
