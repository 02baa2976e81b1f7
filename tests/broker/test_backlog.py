"""How long a queue is, and how long its oldest job could have run already."""

from __future__ import annotations

import pytest
from redis import Redis

from app.broker.backlog import Backlog, backlog
from app.broker.broker import BullMQBroker
from app.broker.queue import Queue

HOUR_MS = 3_600_000


@pytest.fixture
def queue(broker: BullMQBroker) -> Queue:
    """An empty queue."""
    return broker.queue("mail")


def at(queue: Queue, job_id: str) -> int:
    """When it was added, in ms."""
    job = queue.get_job(job_id)
    assert job is not None
    return job.timestamp


def test_an_empty_queue_has_no_wait(queue: Queue) -> None:
    """0, not None: it is drawn."""
    queue.add("send", {}, delay_ms=HOUR_MS)

    assert backlog(queue, queue.now_ms()) == Backlog(waiting=0, oldest_ms=0)


def test_the_oldest_of_those_that_wait_counts(queue: Queue) -> None:
    """The first that was added; a job that is delayed still is none of them."""
    first = queue.add("send", {})
    for _ in range(3):
        queue.add("send", {})
    queue.add("send", {}, delay_ms=HOUR_MS)

    assert backlog(queue, at(queue, first) + 5_000) == Backlog(waiting=4, oldest_ms=5_000)


def test_a_job_of_the_lowest_priority_that_starves_is_seen(queue: Queue) -> None:
    """Others overtake it; of its own priority it is the first."""
    starved = queue.add("send", {}, priority=9)
    began = at(queue, starved)
    queue.redis.hset(queue.keys[starved], "timestamp", began - 60_000)
    for _ in range(3):
        queue.add("send", {}, priority=1)
    queue.add("send", {}, priority=9)

    assert backlog(queue, began) == Backlog(waiting=5, oldest_ms=60_000)


def test_a_delayed_job_waits_since_it_was_due(queue: Queue) -> None:
    """Whether a worker has moved it yet or none is there to do so."""
    due = at(queue, queue.add("send", {}, delay_ms=1_000)) + 1_000

    assert backlog(queue, due + 250) == Backlog(waiting=1, oldest_ms=250)


def test_a_promoted_job_waits_since_it_was_due_and_a_retried_one_since_its_last_run(queue: Queue, redis: Redis) -> None:
    """Their age is no wait."""
    late, again = queue.add("send", {}, delay_ms=HOUR_MS), queue.add("send", {})
    now = at(queue, late) + HOUR_MS + 400
    redis.hset(queue.keys[again], "processedOn", now - 700)
    redis.zrem(queue.keys["delayed"], late)
    redis.rpush(queue.keys["wait"], late)

    of_late = backlog(queue, now).oldest_ms
    redis.rpop(queue.keys["wait"])

    assert (of_late, backlog(queue, now).oldest_ms) == (400, 700)


def test_jobs_that_are_anybodys_break_nothing(queue: Queue, redis: Redis) -> None:
    """No options, no time, or none that could be one."""
    for opts in ("[]", "{", '{"delay":"x"}', '{"delay":1e400}'):
        job_id = queue.add("send", {})
        redis.hset(queue.keys[job_id], mapping={"opts": opts, "timestamp": "soon"})
        backlog(queue, queue.now_ms())

    assert backlog(queue, queue.now_ms()).waiting == 4
