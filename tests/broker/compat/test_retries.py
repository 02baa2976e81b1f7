"""What follows a failure."""

from __future__ import annotations

from typing import Any

import dramatiq
import pytest
from dramatiq.errors import RateLimitExceeded

from app.broker.broker import BullMQBroker
from app.broker.errors import RateLimited
from app.broker.middleware.retries import Retries
from app.broker.queue import Queue
from tests.broker.compat.conftest import JOIN_MS, Working, declare, failing, serving
from tests.broker.test_runs import ended


def test_max_retries_and_backoff_become_the_jobs(
    broker: BullMQBroker, queue: Queue, working: Working, delays: list[int]
) -> None:
    """Three runs; the waits double from ``min_backoff`` to ``max_backoff``, without jitter."""
    fail, _ = failing(max_retries=3, min_backoff=200, max_backoff=300)

    with working():
        job = ended(queue, fail.send().message_id, "failed")

    assert (job.attempts_made, job.opts["attempts"]) == (4, 4)
    assert delays == [200, 300, 300]


def test_a_message_that_says_nothing_of_retries_gets_dramatiqs(broker: BullMQBroker, queue: Queue) -> None:
    """Twenty, from 15 s to a week; None means for ever."""
    fail, _ = failing()

    plain = queue.get_job(fail.send().message_id)
    endless = queue.get_job(fail.send_with_options(max_retries=None).message_id)

    assert plain is not None
    assert plain.opts["attempts"] == 21
    assert plain.opts["backoff"] == {"type": "exponential", "delay": 15_000, "maxDelay": 604_800_000}
    assert endless is not None
    assert endless.opts["attempts"] > 10**9


def test_the_defaults_are_the_brokers_to_choose(redis_url: str) -> None:
    """What Dramatiq's users give to ``Retries(…)``."""
    broker = BullMQBroker(redis_url, prefix="test", retries=Retries(max_retries=0))
    actor = declare("noop", lambda: None, broker=broker)

    job = broker.queue("default").get_job(actor.send().message_id)

    assert job is not None
    assert job.opts["attempts"] == 1


def test_retry_when_decides_alone(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """It is asked with the number of retries so far, and ``max_retries`` does not count."""
    asked: list[int] = []

    def twice(retries: int, error: BaseException) -> bool:
        asked.append(retries)
        return retries < 2 and "broken" in str(error)

    fail, starts = failing(max_retries=0, min_backoff=1, retry_when=twice)

    with working():
        job = ended(queue, fail.send().message_id, "failed")

    assert asked == [0, 1, 2]
    assert job.attempts_made == len(starts) == 3


def test_a_retry_when_that_fails_ends_the_job(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """It must not be tried for ever, nor be lost."""

    def broken(retries: int, error: BaseException) -> bool:
        raise LookupError("no such rule")

    fail, starts = failing(max_retries=5, min_backoff=1, retry_when=broken)

    with working():
        job = ended(queue, fail.send().message_id, "failed")

    assert (job.failed_reason, len(starts)) == ("broken 1", 1)


def test_an_error_in_throws_fails_at_once(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Whatever retries are left, and without the callback for used up ones."""
    exhausted: list[object] = []
    declare("exhausted", lambda *args: exhausted.append(args))
    fail, starts = failing(throws=RuntimeError, on_retry_exhausted="exhausted")

    with working():
        job = ended(queue, fail.send().message_id, "failed")
        broker.join("default", timeout=JOIN_MS)

    assert (job.failed_reason, len(starts), exhausted) == ("broken 1", 1, [])


def test_dramatiqs_retry_names_its_delay(
    broker: BullMQBroker, queue: Queue, working: Working, delays: list[int]
) -> None:
    """In ms, instead of the backoff."""

    @dramatiq.actor(max_retries=1)
    def again() -> None:
        raise dramatiq.Retry("not yet", delay=300)

    with working():
        ended(queue, again.send().message_id, "failed")

    assert delays == [300]


def test_used_up_retries_are_told_to_an_actor(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """With the message and the numbers."""
    told: list[Any] = []
    declare("exhausted", lambda message, numbers: told.append((message["actor_name"], numbers)))
    fail, _ = failing(max_retries=1, min_backoff=1, on_retry_exhausted="exhausted")

    with working():
        fail.send()
        broker.join("default", timeout=JOIN_MS)

    assert told == [("fail", {"retries": 1, "max_retries": 1})]


@pytest.mark.parametrize("error", [RateLimitExceeded("full"), RateLimited(50)], ids=["dramatiq's", "ours"])
def test_a_rate_limit_uses_no_attempt_and_is_no_failure(
    broker: BullMQBroker, queue: Queue, working: Working, error: Exception
) -> None:
    """The job runs again later, even with no retries at all, and ``on_failure`` is not told."""
    runs: list[int] = []
    told: list[object] = []
    declare("tell", lambda *args: told.append(args))

    @dramatiq.actor(max_retries=0, min_backoff=50, on_failure="tell")
    def limited() -> str:
        runs.append(1)
        if len(runs) < 3:
            raise error
        return "done"

    with working():
        job = ended(queue, limited.send().message_id)
        broker.join("default", timeout=JOIN_MS)

    assert (job.return_value, job.attempts_made, told) == ("done", 1, [])


def test_a_backoff_can_have_a_name(redis_url: str, delays: list[int]) -> None:
    """Like BullMQ's custom strategies: given to the broker, named by the job."""
    broker = BullMQBroker(redis_url, prefix="test", backoffs={"square": lambda attempt: attempt * attempt * 100})
    dramatiq.set_broker(broker)
    fail, _ = failing(attempts=3, backoff={"type": "square"})

    with serving(broker):
        ended(broker.queue("default"), fail.send().message_id, "failed")

    assert delays == [100, 400]


@pytest.mark.parametrize("backoff", [{"type": "unheard"}, {"type": "fixed", "delay": "long"}, "soon"])
def test_a_backoff_that_nobody_understands_ends_the_job(
    broker: BullMQBroker, queue: Queue, working: Working, backoff: Any
) -> None:
    """A foreign producer may write anything; the job fails with its own reason and says why it is not tried again."""
    failing()

    with working():
        job = ended(queue, queue.add("fail", {}, attempts=3, backoff=backoff), "failed")

    assert job.failed_reason is not None
    assert job.failed_reason.startswith("broken 1 (not tried again: ")


def test_dramatiqs_own_retries_are_refused(broker: BullMQBroker) -> None:
    """Two would retry."""
    with pytest.raises(ValueError, match="the engine does the work of Retries"):
        broker.add_middleware(dramatiq.middleware.Retries())
