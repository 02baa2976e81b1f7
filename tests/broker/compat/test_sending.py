"""Sending messages, as Dramatiq documents it."""

from __future__ import annotations

from typing import Any

import dramatiq
import pytest
from dramatiq.middleware import AsyncIO

from app.broker.broker import BullMQBroker
from app.broker.current import current_job
from app.broker.queue import Queue
from tests.broker.compat.conftest import JOIN_MS, Working
from tests.broker.test_runs import ended


def test_arguments_arrive_as_they_were_sent(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Also those that BullMQ's scripts would change: empty lists, None, long integers, whole floats."""
    got: list[Any] = []

    @dramatiq.actor
    def take(*args: Any, **kwargs: Any) -> None:
        got.extend([args, kwargs])

    with working():
        take.send([], {}, None, [None, 1], 2**60, 1.0, "ä", deep={"empty": [], "none": None})
        broker.join("default", timeout=JOIN_MS)

    assert got[0] == ([], {}, None, [None, 1], 2**60, 1.0, "ä")
    assert isinstance(got[0][5], float)
    assert got[1] == {"deep": {"empty": [], "none": None}}


def test_a_delay_is_bullmqs(broker: BullMQBroker, queue: Queue) -> None:
    """The job waits in Redis under BullMQ's own state, not in a queue of its own."""

    @dramatiq.actor
    def later() -> None: ...

    message = later.send_with_options(delay=60_000)

    assert queue.job_state(message.message_id) == "delayed"
    assert broker.get_declared_queues() == {"default"}
    assert broker.get_declared_delay_queues() == set()


def test_priority_is_the_actors_and_the_message_may_say_otherwise(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """Dramatiq's order (a lower number is sooner), kept by BullMQ over the whole queue."""
    order: list[str] = []
    broker.concurrency["default"] = 1

    @dramatiq.actor(priority=5)
    def low(name: str) -> None:
        order.append(name)

    @dramatiq.actor
    def high(name: str) -> None:
        order.append(name)

    low.send("five")
    low.send_with_options(args=("one",), priority=1)
    high.send("none")
    with working():
        broker.join("default", timeout=JOIN_MS)

    assert order == ["none", "one", "five"]


def test_a_priority_that_bullmq_lacks_is_refused_when_it_is_declared(broker: BullMQBroker) -> None:
    """The error says what would do."""
    with pytest.raises(ValueError, match="0 comes before all others"):

        @dramatiq.actor(priority=-1)
        def urgent() -> None: ...


def test_a_message_is_one_job_however_often_it_is_enqueued(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """Its id is the job's."""
    runs: list[int] = []

    @dramatiq.actor
    def once() -> None:
        runs.append(1)

    message = once.message()
    broker.enqueue(message)
    broker.enqueue(message)
    with working():
        broker.join("default", timeout=JOIN_MS)

    assert runs == [1]


def test_an_actor_name_is_declared_once(broker: BullMQBroker) -> None:
    """As in Dramatiq since 2.0."""

    @dramatiq.actor(actor_name="same")
    def first() -> None: ...

    with pytest.raises(ValueError, match="already registered"):

        @dramatiq.actor(actor_name="same")
        def second() -> None: ...


def test_a_class_can_be_an_actor(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Dramatiq's generic actors."""

    class Double(dramatiq.GenericActor):
        class Meta:
            max_retries = 0

        def perform(self, n: int) -> int:
            return 2 * n

    with working():
        message = Double.send(21)
        job = ended(queue, message.message_id)

    assert (job.return_value, job.opts["attempts"]) == (42, 1)


def test_an_async_actor_knows_its_job(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """It runs in the event loop's thread, in the context of its run."""
    broker.add_middleware(AsyncIO())

    @dramatiq.actor
    async def who() -> str:
        return current_job().id

    with working():
        message = who.send()
        job = ended(queue, message.message_id)

    assert job.return_value == message.message_id
