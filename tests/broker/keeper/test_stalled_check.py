"""A host is lost: worker and keeper both. Another worker's keeper finds the jobs."""

from __future__ import annotations

import os
import signal

import pytest
from redis import Redis

from app.broker.locks import check_stalled
from tests.broker.keeper.conftest import PREFIX, QUEUE, QueueInRedis, StartWorker
from tests.servers import wait_for


def renewals(redis: Redis) -> int:
    """How often a keeper has shown itself to this server."""
    calls: int = redis.info("commandstats")["cmdstat_set"]["calls"]
    return calls


def test_another_workers_keeper_hands_back_what_a_lost_host_held(
    queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """After one lock time and a check."""
    queue.add("a")
    start_worker(queues=[QUEUE])
    lost = start_worker()
    lost.run()

    os.kill(lost.keeper, signal.SIGKILL)
    lost.kill()

    wait_for(lambda: queue.waiting() == ["a"], "the stalled check")
    assert queue.crashes("a") == 1
    assert queue.has_marker()


def test_a_keeper_that_was_cut_off_waits_one_lock_time_before_it_judges(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """Redis was away for all: every keeper gets the time to take its locks again."""
    queue.add("a")
    start_worker(queues=[QUEUE], lock_ms=60_000, renew_ms=100, check_ms=100)
    redis.lmove(queue.keys["wait"], queue.keys["active"])
    check_stalled(redis, PREFIX, QUEUE, every_ms=1)  # marks it; no lock: the next check would give it back

    renewed = renewals(redis)
    wait_for(lambda: renewals(redis) >= renewed + 5, "some renewals")

    assert queue.active() == ["a"]


def test_two_keepers_do_not_check_at_once(redis: Redis, queue: QueueInRedis) -> None:
    """The mark and the verdict of one check must lie a whole period apart."""
    queue.add("a")
    redis.lmove(queue.keys["wait"], queue.keys["active"])
    check_stalled(redis, PREFIX, QUEUE, every_ms=60_000)

    assert check_stalled(redis, PREFIX, QUEUE, every_ms=60_000) == []

    redis.delete(queue.keys["keeper:check"])
    assert check_stalled(redis, PREFIX, QUEUE, every_ms=60_000) == ["a"]


@pytest.mark.parametrize(("crashes", "condemned"), [(2, False), (3, True)])
def test_a_fourth_lost_host_condemns_a_job_and_no_third_one(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker, crashes: int, condemned: bool
) -> None:
    """Nobody can say whether it had started on any of them."""
    queue.add("a")
    redis.hset(queue.keys["a"], "stc", str(crashes))
    redis.lmove(queue.keys["wait"], queue.keys["active"])

    start_worker(queues=[QUEUE], check_ms=100)
    wait_for(lambda: queue.waiting() == ["a"], "the stalled check")

    assert queue.crashes("a") == crashes + 1
    assert redis.hexists(queue.keys["a"], "defa") is condemned
