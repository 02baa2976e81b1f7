"""Hooks, their order, and what they may decide."""

from __future__ import annotations

from typing import Any

import dramatiq
import pytest
from dramatiq import Broker, Message, MessageProxy, Middleware
from dramatiq.middleware import CurrentMessage, GroupCallbacks, MiddlewareError, SkipMessage
from dramatiq.rate_limits.backends import RedisBackend

from app.broker.broker import BullMQBroker
from app.broker.queue import Queue
from tests.broker.compat.conftest import JOIN_MS, Actor, Working, declare, failing
from tests.broker.test_runs import ended


class Diary(Middleware):
    """Writes down which hook was called, and what it found."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def before_declare_actor(self, broker: Broker, actor: Actor) -> None:
        self.lines.append(f"before declare {actor.actor_name}")

    def after_declare_actor(self, broker: Broker, actor: Actor) -> None:
        self.lines.append(f"after declare {actor.actor_name}")

    def before_enqueue(self, broker: Broker, message: Message[Any], delay: int | None) -> None:
        self.lines.append(f"before enqueue {delay}")

    def after_enqueue(self, broker: Broker, message: Message[Any], delay: int | None) -> None:
        self.lines.append(f"after enqueue {delay}")

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        self.lines.append("before process")

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        self.lines.append(f"after process {result or exception}, failed {message.failed}")

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        self.lines.append(f"after skip, failed {message.failed}")

    def before_ack(self, broker: Broker, message: MessageProxy) -> None:
        self.lines.append("before ack")

    def after_ack(self, broker: Broker, message: MessageProxy) -> None:
        self.lines.append("after ack")

    def before_nack(self, broker: Broker, message: MessageProxy) -> None:
        self.lines.append("before nack")

    def after_nack(self, broker: Broker, message: MessageProxy) -> None:
        self.lines.append("after nack")


def test_hooks_of_a_message_come_in_dramatiqs_order(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """From the actor's declaration to the ack."""
    diary = Diary()
    broker.add_middleware(diary)

    @dramatiq.actor
    def greet() -> str:
        return "hello"

    greet.send()
    with working() as worker:
        broker.join("default", timeout=JOIN_MS)
        worker.join()

    assert diary.lines == [
        "before declare greet",
        "after declare greet",
        "before enqueue None",
        "after enqueue None",
        "before process",
        "after process hello, failed False",
        "before ack",
        "after ack",
    ]


def test_every_middleware_sees_which_failure_is_the_last(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """A failure that is tried again is acked, the last one nacked; a retry is not enqueued a second time."""
    diary = Diary()
    broker.add_middleware(diary)
    fail, _ = failing(max_retries=1, min_backoff=1)

    fail.send()
    with working() as worker:
        broker.join("default", timeout=JOIN_MS)
        worker.join()

    assert diary.lines[2:] == [
        "before enqueue None",
        "after enqueue None",
        "before process",
        "after process broken 1, failed False",
        "before ack",
        "after ack",
        "before process",
        "after process broken 2, failed True",
        "before nack",
        "after nack",
    ]


def test_a_middleware_can_skip_a_message(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """It is done, without a value, and the actor has not run."""
    diary = Diary()
    broker.add_middleware(diary)

    class SkipAll(Middleware):
        def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
            raise SkipMessage("not today")

    broker.add_middleware(SkipAll())
    fail, starts = failing()

    with working():
        job = ended(queue, fail.send().message_id)

    assert (job.return_value, starts) == (None, [])
    assert "after skip, failed False" in diary.lines


def test_a_middleware_can_reject_what_an_actor_returned(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """``message.fail()`` after a run fails the job, at once."""

    class RejectAll(Middleware):
        def after_process_message(
            self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
        ) -> None:
            message.fail()

    broker.add_middleware(RejectAll())
    noop = declare("noop", lambda: 1)

    with working():
        job = ended(queue, noop.send().message_id, "failed")

    assert (job.failed_reason, job.attempts_made) == ("rejected by a middleware", 1)


def test_a_middleware_can_refuse_a_message_before_it_is_sent(broker: BullMQBroker, queue: Queue) -> None:
    """Only with a MiddlewareError; Dramatiq swallows everything else."""

    class Closed(MiddlewareError):
        pass

    class Gate(Middleware):
        def before_enqueue(self, broker: Broker, message: Message[Any], delay: int | None) -> None:
            raise Closed("no more today")

    broker.add_middleware(Gate())
    noop = declare("noop", lambda: None)

    with pytest.raises(Closed):
        noop.send()

    assert queue.count() == 0


def test_a_middleware_is_put_where_it_says(broker: BullMQBroker) -> None:
    """Before or after another; otherwise behind all but the engine's last two."""
    diary, before = Diary(), GroupCallbacks(RedisBackend(client=broker.redis))

    broker.add_middleware(diary)
    broker.add_middleware(before, before=CurrentMessage)

    names = [type(middleware).__name__ for middleware in broker.middleware]
    assert names[-3:] == ["Diary", "Retries", "TimeLimit"]
    assert names.index("GroupCallbacks") == names.index("CurrentMessage") - 1


def test_the_current_message_is_that_of_the_run(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Dramatiq's ``CurrentMessage``; None outside of an actor."""

    @dramatiq.actor
    def who() -> Any:
        message = CurrentMessage.get_current_message()
        return message.message_id if message else None

    with working():
        message = who.send()
        job = ended(queue, message.message_id)

    assert job.return_value == message.message_id
    assert CurrentMessage.get_current_message() is None


def test_a_message_that_is_too_old_fails_unrun(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Dramatiq's ``max_age``, counted from the add, waiting time included."""
    fail, starts = failing(max_age=50)

    with working():
        job = ended(queue, fail.send_with_options(delay=100).message_id, "failed")

    assert (job.failed_reason, starts) == ("Message age limit exceeded", [])
