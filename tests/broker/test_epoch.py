"""After a loss nothing is claimed before the settings are back; and a broker that works alone never waits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from dramatiq import Worker
from redis import Redis

from app.broker.broker import BullMQBroker
from app.broker.epoch import REBUILDING, RESTORING, EpochGate, run_id
from app.broker.queue import Queue
from tests.broker.test_runs import actor, ended
from tests.servers import redis_server, wait_for

Working = Callable[..., AbstractContextManager[Worker]]
WAITS = "nothing is claimed until"
KEY = "test:epoch"


@pytest.fixture(params=[True, False], ids=["batched", "official"])
def queue(broker: BullMQBroker, redis: Redis, request: pytest.FixtureRequest) -> Queue:
    """Somebody brings back what this queue loses; nothing is lost yet. Both ways to claim."""
    broker.batched = request.param
    broker.guarded = lambda: True
    redis.set(KEY, run_id(redis))
    actor(broker, "noop", lambda: None)
    return broker.queue("mail")


def test_an_emptied_server_is_claimed_from_when_its_settings_are_back(
    queue: Queue, redis: Redis, working: Working, caplog: pytest.LogCaptureFixture
) -> None:
    """Not before; and the jobs that come back afterwards are not waited for."""
    with working():
        ended(queue, queue.add("noop", {}, job_id="before"))
        redis.flushall()
        queue.add("noop", {}, job_id="a")
        wait_for(lambda: WAITS in caplog.text, "the worker to wait", timeout_s=10)
        redis.set(KEY, f"{run_id(redis)} {RESTORING} 1")
        while_it_was_lost = queue.job_state("a")
        redis.set(KEY, f"{run_id(redis)} {REBUILDING} 1")

        job = ended(queue, "a")

    assert while_it_was_lost == "waiting"
    assert job.attempts_started == 1


def test_a_new_worker_waits_as_well(
    queue: Queue, redis: Redis, working: Working, caplog: pytest.LogCaptureFixture
) -> None:
    """It has never seen the epoch, but somebody has."""
    redis.delete(KEY)
    queue.add("noop", {}, job_id="a")

    with working():
        wait_for(lambda: WAITS in caplog.text, "the worker to wait", timeout_s=10)
        while_it_was_lost = queue.job_state("a")
        redis.set(KEY, run_id(redis))
        ended(queue, "a")

    assert while_it_was_lost == "waiting"


def test_a_server_that_was_started_again_may_lack_its_last_second(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its key is there, and names the process that is gone."""
    with redis_server(tmp_path) as server:
        broker = BullMQBroker(server.url, prefix="test", guarded=lambda: True)
        broker.redis.set(KEY, run_id(broker.redis))
        actor(broker, "noop", lambda: None)
        queue = broker.queue("mail")
        worker = Worker(broker, worker_threads=1, worker_timeout=100)
        worker.start()
        ended(queue, queue.add("noop", {}, job_id="before"))
        server.kill()
        server.start()
        queue.add("noop", {}, job_id="a")
        wait_for(lambda: WAITS in caplog.text, "the worker to wait", timeout_s=10)
        while_it_was_doubtful = queue.job_state("a")
        broker.redis.set(KEY, run_id(broker.redis))
        ended(queue, "a")
        worker.stop()

    assert while_it_was_doubtful == "waiting"


def test_a_broker_that_nobody_guards_never_waits(broker: BullMQBroker, redis: Redis, working: Working) -> None:
    """Whatever the key holds."""
    redis.set(KEY, "another server")
    actor(broker, "noop", lambda: None)

    with working():
        ended(broker.queue("mail"), broker.queue("mail").add("noop", {}))


def test_a_first_installation_does_not_wait_and_learns_of_its_first_epoch(
    queue: Queue, broker: BullMQBroker, redis: Redis, working: Working, caplog: pytest.LogCaptureFixture
) -> None:
    """Until a reconciler has come, nobody would ever open it."""
    redis.delete(KEY)
    broker.guarded = lambda: False
    with working():
        ended(queue, queue.add("noop", {}, job_id="a"))
        redis.set(KEY, run_id(redis))
        ended(queue, queue.add("noop", {}, job_id="b"))
        redis.set(KEY, f"{run_id(redis)} {RESTORING} 1")
        queue.add("noop", {}, job_id="c")

        wait_for(lambda: WAITS in caplog.text, "the worker to wait", timeout_s=10)

        assert queue.job_state("c") == "waiting"


def test_an_open_gate_asks_redis_nothing(redis: Redis) -> None:
    """What it has learnt holds for the connection; the claim itself checks it."""
    redis.set(KEY, run_id(redis))
    gate = EpochGate("test", lambda: True)
    gate.epoch(redis)
    before = redis.info("commandstats")["cmdstat_get"]["calls"]

    for _ in range(10):
        gate.epoch(redis)

    assert redis.info("commandstats")["cmdstat_get"]["calls"] == before
