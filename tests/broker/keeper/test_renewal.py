"""Locks live as long as their worker does, whatever happens to its keeper or to Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from redis import Redis

from app.broker.connection import connect
from tests.broker.keeper.conftest import LOCK_MS, LONG_MS, QUEUE, QueueInRedis, StartWorker, is_dead
from tests.servers import RedisServer, wait_for


def seconds_of_redis(redis: Redis, redis_now: float) -> float:
    """How long ago that was, by Redis' clock."""
    seconds, micros = redis.time()
    return float(seconds) + micros / 1e6 - redis_now


def redis_now(redis: Redis) -> float:
    """Redis' clock."""
    return seconds_of_redis(redis, 0)


def wait_for_renewal(redis: Redis, *locks: str) -> None:
    """Take half their time from locks of LONG_MS; returns when a keeper has made each of them whole."""
    for lock in locks:
        assert redis.pexpire(lock, LONG_MS // 2), f"{lock} is gone"
    wait_for(lambda: all(redis.pttl(lock) > LONG_MS // 2 for lock in locks), "the locks to be renewed")


def test_a_lock_outlives_its_own_time_while_the_worker_lives(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """Its time is renewed to the full, again and again."""
    queue.add("a")
    worker = start_worker()
    worker.run()
    token = queue.lock("a")
    began = redis_now(redis)

    wait_for(lambda: seconds_of_redis(redis, began) > 1.5 * LOCK_MS / 1000, "one and a half lock times")

    assert queue.lock("a") == token
    assert queue.active() == ["a"]
    assert queue.crashes("a") == 0


def test_a_keeper_is_told_of_redis_in_private(start_worker: StartWorker) -> None:
    """The URL may hold a password, and everybody can read a process's arguments."""
    worker = start_worker()

    shown = subprocess.run(["ps", "-o", "args=", "-p", str(worker.keeper)], capture_output=True, text=True, check=True)

    assert "app.broker.keeper" in shown.stdout
    assert "redis://" not in shown.stdout


def test_signals_that_end_a_group_do_not_end_a_keeper(start_worker: StartWorker) -> None:
    """It has a session of its own, and ignores them anyway."""
    worker = start_worker()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(worker.keeper, number)

    assert os.getsid(worker.keeper) == worker.keeper
    assert not worker.has_new_keeper()
    assert not is_dead(worker.keeper)


def test_a_killed_keeper_is_replaced_by_one_that_knows_everything(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """It renews the same locks, and a crash after it charges the same jobs."""
    queue.add("started")
    queue.add("held")
    worker = start_worker(lock_ms=LONG_MS, renew_ms=100)
    worker.run()
    worker.claim()
    os.kill(worker.keeper, signal.SIGKILL)
    wait_for(worker.has_new_keeper, "a new keeper")
    wait_for_renewal(redis, queue.keys.lock("started"), queue.keys.lock("held"))

    worker.kill()

    wait_for(lambda: queue.waiting() == ["started", "held"], "the hand-back")
    assert (queue.crashes("started"), queue.crashes("held")) == (1, 0)


def test_a_silent_keeper_is_replaced(redis: Redis, queue: QueueInRedis, start_worker: StartWorker) -> None:
    """Stopped, it is alive and of no use."""
    queue.add("a")
    worker = start_worker(silence_s=0.8, lock_ms=LONG_MS, renew_ms=100)
    worker.run()

    os.kill(worker.keeper, signal.SIGSTOP)

    wait_for(worker.has_new_keeper, "a new keeper")
    assert is_dead(worker.keeper)
    wait_for_renewal(redis, queue.keys.lock("a"))


def test_a_full_pipe_replaces_the_keeper_and_blocks_nobody(start_worker: StartWorker) -> None:
    """A worker's threads must not wait for a process that does not read."""
    worker = start_worker(silence_s=60)
    os.kill(worker.keeper, signal.SIGSTOP)

    worker.tell("chatter", 60_000)

    wait_for(worker.has_new_keeper, "a new keeper")


def test_no_replaced_keeper_is_left_as_a_zombie(start_worker: StartWorker) -> None:
    """It is reaped by the worker that started it."""
    worker = start_worker()
    os.kill(worker.keeper, signal.SIGKILL)
    wait_for(worker.has_new_keeper, "a new keeper")

    with pytest.raises(ProcessLookupError):
        os.kill(worker.keeper, 0)


def test_a_lock_that_redis_lost_is_taken_again(redis: Redis, queue: QueueInRedis, start_worker: StartWorker) -> None:
    """The job is still active: nobody else has it."""
    queue.add("a")
    worker = start_worker(check_ms=60_000)
    worker.run()
    token = queue.lock("a")
    redis.sadd(queue.keys["stalled"], "a")

    redis.delete(queue.keys.lock("a"))

    wait_for(lambda: queue.lock("a") == token, "the lock to be taken again")
    assert not redis.sismember(queue.keys["stalled"], "a")
    assert queue.crashes("a") == 0


def test_the_lock_of_a_job_that_is_no_longer_active_is_not_taken(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """It has ended, or waits for somebody else."""
    queue.add("a")
    queue.add("b")
    worker = start_worker(check_ms=60_000)
    worker.run()
    worker.run()
    redis.lrem(queue.keys["active"], 1, "a")

    redis.delete(queue.keys.lock("a"), queue.keys.lock("b"))

    wait_for(lambda: queue.lock("b"), "the renewal")
    assert queue.lock("a") is None
    assert worker.tell("renew", QUEUE, "a") is False
    assert worker.tell("renew", QUEUE, "b") is True


def test_a_job_that_another_token_locks_is_reported_lost_once(
    redis: Redis, queue: QueueInRedis, start_worker: StartWorker
) -> None:
    """And its lock is left alone."""
    queue.add("a")
    queue.add("b")
    worker = start_worker(check_ms=60_000)
    worker.run()
    worker.run()

    redis.set(queue.keys.lock("a"), "somebody", px=60_000)

    wait_for(lambda: worker.tell("lost"), "the loss to be reported")
    redis.delete(queue.keys.lock("b"))
    wait_for(lambda: queue.lock("b"), "the next renewal")
    assert worker.tell("lost") == ["a"]
    assert queue.lock("a") == "somebody"


def test_a_worker_and_its_keeper_outlive_a_restart_of_redis(
    mortal_redis: RedisServer, start_worker: StartWorker
) -> None:
    """Nobody is killed for it, and the locks are renewed as soon as it is back."""
    redis = connect(mortal_redis.url)
    queue = QueueInRedis(redis)
    queue.add("a")
    worker = start_worker(mortal_redis.url, check_ms=60_000)
    worker.run()
    token = queue.lock("a")
    mortal_redis.kill()
    mortal_redis.start()
    redis.delete(queue.keys.lock("a"))

    wait_for(lambda: queue.lock("a") == token, "the lock to be taken again")

    assert not worker.has_new_keeper()


def test_an_absence_of_redis_longer_than_the_locks_costs_no_living_worker_its_job(
    mortal_redis: RedisServer, start_worker: StartWorker
) -> None:
    """On its return every lock has lapsed: no keeper judges before all have had the time to take theirs again."""
    redis = connect(mortal_redis.url)
    queue = QueueInRedis(redis)
    queue.add("a")
    holder = start_worker(mortal_redis.url, renew_ms=900)
    for _ in range(2):
        start_worker(mortal_redis.url, queues=[QUEUE], check_ms=100)
    holder.run()
    token = queue.lock("a")
    redis.sadd(queue.keys["stalled"], "a")
    mortal_redis.kill()
    back_at = time.monotonic() + LOCK_MS / 1000
    wait_for(lambda: time.monotonic() > back_at, "one lock time")
    mortal_redis.start()

    wait_for(lambda: queue.lock("a") == token, "the lock to be taken again")

    assert queue.active() == ["a"]
    assert queue.crashes("a") == 0


def test_a_keeper_waits_for_redis_to_hand_back(mortal_redis: RedisServer, start_worker: StartWorker) -> None:
    """Worker and Redis go down together; the keeper outlasts both."""
    queue = QueueInRedis(connect(mortal_redis.url))
    queue.add("a")
    worker = start_worker(mortal_redis.url)
    worker.run()
    mortal_redis.kill()
    worker.kill()
    assert not is_dead(worker.keeper)

    mortal_redis.start()

    wait_for(lambda: queue.waiting() == ["a"], "the hand-back")
    assert queue.crashes("a") == 1
