"""What was read most is warm before it is read again, with the body that a cold computation has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from dramatiq import Worker
from redis import Redis

from app import db
from app.broker.connection import connect
from app.broker.errors import Unrecoverable
from app.broker.queue import Queue
from app.domains.cache import warming
from app.domains.cache.answers import MOST_READ, answer_key, read
from app.domains.publishers.answers import compute
from app.jobs.actor import actor
from app.jobs.by_hand import add as add_job
from app.jobs.catalog import WARM_CACHE
from app.jobs.engine import broker
from app.models.job_status import Status
from app.settings import settings
from tests.crontab.jobs.running import run_job
from tests.domains.publishers.conftest import NINE, add_publisher
from tests.domains.publishers.events import add, told
from tests.jobs import conftest as jobs
from tests.ledger.rows import all_rows, only_row
from tests.servers import wait_for

queue = jobs.queue
SLOT = datetime(2026, 1, 1, 9, 5, tzinfo=UTC)


@pytest.fixture
def cache(queue: Queue, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """Beside the queues, and a worker that warms it."""
    monkeypatch.setenv("CACHE_REDIS_URL", redis_url)
    settings.cache_clear()
    cache = connect(redis_url)
    actor(WARM_CACHE)(lambda *, cache_keys, **_: warming.warm(cache, cache_keys, compute))
    worker = Worker(broker(), queues={"cache-warming"}, worker_threads=3, worker_timeout=50)
    worker.start()
    yield cache
    worker.stop()


def question(period: str) -> tuple[str, ...]:
    """The performance of pub-1."""
    return ("metrics", "pub-1", "performance", period)


def ask(cache: Redis, period: str) -> Any:
    """Read it as the API does."""
    return read(cache, answer_key(*question(period)), partial(compute, *question(period)), SLOT)


def test_what_was_read_most_is_there_before_it_is_read_again(cache: Redis) -> None:
    """Its kept answer is lost, and computed by the warming: the first read is a hit, and its body is up to date."""
    add_publisher()
    add(told("e-1", NINE))
    ask(cache, "2026-01")
    add(told("e-2", NINE))
    cache.delete(*cache.keys("answer:*"))

    promised = run_job("cacheWarming", SLOT)
    wait_for(lambda: only_row().ended_at, "the warming to end")
    first = ask(cache, "2026-01")

    assert (promised, only_row().return_value) == ({"keys": 1}, {"warmed": 1, "failed": {}})
    assert first.is_hit
    assert first.body == compute(*question("2026-01"))
    assert first.body["figures"]["impressions"] == 2


def test_the_fifty_that_were_read_most_are_warmed_once_a_slot(cache: Redis) -> None:
    """Of sixty; a second run of the slot adds no second job."""
    add_publisher()
    for number in range(60):
        for _ in range(1 if number < 10 else 2):
            ask(cache, f"{2026 + number}-01")

    run_job("cacheWarming", SLOT)
    run_job("cacheWarming", SLOT)

    asked = only_row().data["cacheKeys"]
    assert len(asked) == MOST_READ
    assert set(asked) == {answer_key(*question(f"{2026 + number}-01")) for number in range(10, 60)}


def test_where_nothing_is_read_nothing_is_warmed(cache: Redis) -> None:
    """No job for nothing."""
    assert run_job("cacheWarming", SLOT) == {"keys": 0}
    assert all_rows() == []


def test_an_answer_that_cannot_be_computed_keeps_nobody_from_theirs(cache: Redis) -> None:
    """Document 003's own example among them; if it is all of them, the job fails and says so."""
    add_publisher()
    good = answer_key(*question("2026-01"))
    bad = ["dashboard:stats", "metrics:nobody:revenue:2026-01", "metrics:pub-1:revenue:soon", "rollups:pub-1:day:a:b"]

    found = warming.warm(cache, [*bad, good], compute)

    assert (found["warmed"], list(found["failed"])) == (1, bad)
    assert found["failed"]["dashboard:stats"].startswith("no answer 'dashboard:stats'; there are rollups: publisherId,")
    with pytest.raises(Unrecoverable, match="no answer 'dashboard:stats'"):
        warming.warm(cache, ["dashboard:stats"], compute)


def test_a_warming_of_nothing_that_is_known_fails_with_its_reason(cache: Redis) -> None:
    """By hand, under a name of the caller's own."""
    with db.session() as session:
        asked = {"cacheKeys": ["dashboard:stats"], "priority": 10}
        add_job(session, "cache-warming", "dashboard-cache", asked, by="tests")
    wait_for(lambda: only_row().ended_at, "the warming to end")

    assert (only_row().status, only_row().attempts_made) == (Status.FAILED, 1)
