"""A queue's limit of the catalog holds from a process's start on, also when that start was too early."""

from __future__ import annotations

import pytest
from dramatiq import Worker
from redis.exceptions import ConnectionError as RedisAway

from app import db
from app.broker.queue import Queue
from app.broker.steering import read_settings
from app.jobs import limits
from app.jobs.catalog import QueuePolicy, RateLimit, policies, worker_threads
from app.jobs.engine import broker
from app.jobs.limits import RateLimits, set_rate_limits
from app.ledger.settings import settings_by_queue
from tests.servers import wait_for

LIMIT = {"max": 10, "duration": 60_000}


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main queue has a limit."""
    given = {**policies(), "user-updates": QueuePolicy(3, RateLimit(10, 60_000))}
    monkeypatch.setattr(limits, "policies", lambda: given)


def kept(queue: Queue) -> object:
    """The limit, as SQL has it."""
    with db.engine().connect() as connection:
        return settings_by_queue(connection).get(queue.name, {}).get("rate")


def test_a_limit_is_written_to_the_queue_and_to_sql(limited: None, queue: Queue) -> None:
    """So it holds for every worker, and comes back after a loss."""
    set_rate_limits()

    assert (read_settings(queue)["rate"], kept(queue)) == (LIMIT, LIMIT)


def test_a_start_ends_another_limit_and_leaves_alone_what_has_none(limited: None, queue: Queue) -> None:
    """The catalog decides where it says anything."""
    queue.set_rate_limit(99, 1_000)
    other = broker().queue("cron-jobs")
    other.set_rate_limit(7, 1_000)

    set_rate_limits()

    assert read_settings(queue)["rate"] == LIMIT
    assert read_settings(other)["rate"] == {"max": 7, "duration": 1_000}


def test_a_worker_that_starts_before_redis_sets_them_later(
    limited: None, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not stay without a limit."""
    monkeypatch.setattr(limits, "TRY_AGAIN_S", 0.01)
    answers = iter([RedisAway("away"), RedisAway("away")])

    def find(name: str) -> Queue:
        if (away := next(answers, None)) is not None:
            raise away
        return broker().queue(name)

    monkeypatch.setattr(limits, "find_queue", find)
    middleware = RateLimits()
    worker = Worker(broker())
    middleware.before_worker_boot(broker(), worker)

    wait_for(lambda: read_settings(queue)["rate"] == LIMIT, "the limit to be set")

    middleware.before_worker_shutdown(broker(), worker)


def test_a_worker_has_a_thread_for_every_job_that_it_may_hold() -> None:
    """C45: the sum over its queues; the producer's is not among them."""
    assert worker_threads() == sum(policy.concurrency for name, policy in policies().items() if name != "cron")
