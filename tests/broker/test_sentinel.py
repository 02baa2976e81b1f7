"""A queue whose Redis is a Sentinel service goes on with the next master by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import dramatiq
import pytest
from dramatiq import Worker
from redis.exceptions import ConnectionError as RedisConnectionError

from app.broker.broker import BullMQBroker
from app.broker.connection import SentinelAddress
from app.broker.job import Job
from tests.broker.sentinels import Service, sentinel_service
from tests.servers import wait_for


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service of its own, to be harmed."""
    with sentinel_service(tmp_path) as service:
        yield service


def test_jobs_go_on_when_the_master_dies(service: Service) -> None:
    """What ran at that moment ends once, its lock is kept by the same keeper, and what comes later runs."""
    broker = BullMQBroker(service.url, prefix="test", concurrency={"work": 2})
    queue = broker.queue("work")
    started, go = threading.Event(), threading.Event()

    @dramatiq.actor(queue_name="work", broker=broker)
    def hold() -> bool:
        started.set()
        return go.wait(60)

    @dramatiq.actor(queue_name="work", broker=broker)
    def quick() -> None:
        pass

    def completed(job_id: str, name: str) -> Job | None:
        try:
            return queue.get_job(job_id) if queue.job_state(queue.add(name, {}, job_id=job_id)) == "completed" else None
        except RedisConnectionError:
            return None  # a connection to the old master: nothing is repeated behind the caller's back

    worker = Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    try:
        queue.add("hold", {}, job_id="held")
        assert started.wait(20)
        keeper = broker.engine.leases.keeper_pid()
        assert broker.redis.wait(1, 5_000) == 1

        service.master.kill()
        wait_for(service.has_failed_over, "the replica to be the master", 30)
        go.set()
        job = wait_for(lambda: completed("held", "hold"), "the held job to complete", 30)
        wait_for(lambda: completed("later", "quick"), "a later job to run", 30)

        assert (job.attempts_started, job.crashes, job.return_value) == (1, 0, True)
        assert broker.engine.leases.keeper_pid() == keeper
    finally:
        go.set()
        worker.stop(timeout=5_000)


def test_a_sentinel_url_says_where_and_how() -> None:
    """Ports, database and passwords are optional; a password may hold anything, quoted."""
    full = SentinelAddress.of("redis+sentinel://ana:p%40ss@a:26380,[::1]:26381,b/main/3?sentinel_password=s%26")
    short = SentinelAddress.of("redis+sentinel://a/main")

    assert full == SentinelAddress([("a", 26380), ("::1", 26381), ("b", 26379)], "main", 3, "ana", "p@ss", "s&")
    assert short == SentinelAddress([("a", 26379)], "main", 0, None, None, None)


@pytest.mark.parametrize(
    "url", ["redis+sentinel://", "redis+sentinel://u:hush@a:1", "redis+sentinel://u:hush@a/main/x"]
)
def test_a_sentinel_url_that_makes_no_sense_is_refused_without_its_password(url: str) -> None:
    """It names the form."""
    with pytest.raises(ValueError, match=r"host:port,…/service/db") as refusal:
        SentinelAddress.of(url)

    assert "hush" not in str(refusal.value)
