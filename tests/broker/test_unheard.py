"""A claim that Redis has made and whose reply was lost on the way costs its jobs nothing (FAULTS 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.resources import files
from pathlib import Path

import pytest
from dramatiq import Worker

import app.broker
from app.broker.broker import BullMQBroker
from app.broker.queue import Queue
from tests.broker.test_runs import actor, ended
from tests.faults.proxy import Cut, Moment, Proxy, proxy_of, to_tcp
from tests.servers import wait_for

Working = Callable[..., AbstractContextManager[Worker]]

CLAIMS = {
    "batched": Path(app.broker.__file__).parent / "lua" / "claimMany-12.lua",
    "official": Path(str(files("bullmq") / "commands" / "moveToActive-11.lua")),
}


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    """What the worker's connections run through."""
    with proxy_of(to_tcp(redis_url)) as proxy:
        yield proxy


@pytest.fixture(params=list(CLAIMS))
def way(request: pytest.FixtureRequest) -> str:
    """Both ways to claim."""
    return str(request.param)


@pytest.fixture
def broker(proxy: Proxy, redis_url: str, way: str) -> BullMQBroker:
    """The worker's."""
    database = redis_url.rpartition("/")[2]
    url = f"redis://127.0.0.1:{proxy.port}/{database}"
    # A lease that outlasts the tests: what is seen to wait again was given back.
    broker = BullMQBroker(url, prefix="test", concurrency={"mail": 2}, batched=way == "batched", lock_ms=60_000)
    actor(broker, "noop", lambda: None)
    return broker


@pytest.fixture
def queue(redis_url: str, broker: BullMQBroker) -> Queue:
    """Its queue, seen from beside the proxy."""
    return BullMQBroker(redis_url, prefix=broker.prefix).queue("mail")


@pytest.fixture
def lost_reply(proxy: Proxy, queue: Queue, way: str) -> Cut:
    """That of the first claim. Redis knows its script: or the first reply would be that it does not."""
    queue.add("noop", {}, job_id="a")
    sha = str(queue.redis.script_load(CLAIMS[way].read_text()))
    return proxy.cut(sha.encode(), Moment.BEFORE_REPLY)


@pytest.fixture
def slow_to_return(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's consumer does not claim a second time while the test looks."""
    monkeypatch.setattr("app.broker.consumer.RETRY_S", (60.0,))


def test_its_jobs_run_uncharged_when_the_worker_is_connected_again(
    queue: Queue, lost_reply: Cut, working: Working
) -> None:
    """They never started, so no crash is counted; nor does anybody wait for their lease."""
    with working():
        job = ended(queue, "a")

    assert lost_reply.made == 1
    assert job.attempts_started == 2
    assert queue.redis.hget(queue.keys["a"], "stc") is None


@pytest.mark.usefixtures("slow_to_return")
def test_its_jobs_wait_again_at_once(queue: Queue, lost_reply: Cut, working: Working) -> None:
    """Other workers need not wait until this one claims again, nor for a lease."""
    with working():
        wait_for(lambda: lost_reply.made, "the cut")
        wait_for(lambda: queue.job_state("a") == "waiting", "the job to wait again")


@pytest.mark.usefixtures("slow_to_return")
def test_its_jobs_wait_again_when_the_worker_stops_before_redis_is_back(
    queue: Queue, proxy: Proxy, lost_reply: Cut, working: Working
) -> None:
    """Its keeper is let go, and nobody else knows of them."""
    proxy.cut(b"LRANGE", Moment.BEFORE_REQUEST, times=1)

    with working():
        wait_for(lambda: lost_reply.made, "the cut")

    assert queue.job_state("a") == "waiting"
