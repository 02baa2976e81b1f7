"""Job schedulers: the next job is there as soon as one is claimed, whatever becomes of that one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dramatiq import Worker
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from app.broker import schedulers
from app.broker.broker import BullMQBroker
from app.broker.cron import next_ms
from app.broker.errors import BrokerError
from app.broker.job import Job
from app.broker.queue import Queue
from app.broker.schedulers import Repeat
from app.broker.scripts import Scripts
from tests.broker.test_runs import actor, ended
from tests.servers import wait_for

Working = Callable[..., AbstractContextManager[Worker]]
SOON = Repeat(every_ms=50, limit=3)


@pytest.fixture
def queue(broker: BullMQBroker) -> Queue:
    """The queue that the actors listen on."""
    broker.declare_queue("mail")
    return broker.queue("mail")


def due(queue: Queue, scheduler_id: str) -> datetime:
    """When its next job comes."""
    scheduler = queue.get_job_scheduler(scheduler_id)
    assert scheduler is not None
    return datetime.fromtimestamp(scheduler.next_ms / 1000, UTC)


def test_an_interval_runs_until_its_limit(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Each job has the template's data and options, and counts itself."""
    seen: list[int] = []
    actor(broker, "beat", lambda n: seen.append(n))  # noqa: PLW0108 - the argument must be named
    queue.upsert_job_scheduler("pulse", SOON, name="beat", data={"n": 7}, opts={"attempts": 2})

    with working():
        wait_for(lambda: queue.get_job_counts()["completed"] == 3, "three runs")

    assert seen == [7, 7, 7]
    assert [job.opts["attempts"] for job in queue.get_jobs(["completed"])] == [2, 2, 2]
    assert queue.count() == 0


def test_a_failing_job_is_retried_and_the_next_one_still_comes_once(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """A second run of one job adds nothing."""

    def fail() -> None:
        raise RuntimeError("no answer")

    actor(broker, "beat", fail)
    queue.upsert_job_scheduler("pulse", SOON, name="beat", opts={"attempts": 3})

    with working():
        wait_for(lambda: queue.get_job_counts()["failed"] == 3, "three failures")

    assert [job.attempts_made for job in queue.get_jobs(["failed"])] == [3, 3, 3]
    assert queue.count() == 0


def test_the_next_job_is_there_while_this_one_runs(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """A job that takes longer than the interval, or never ends, does not stop the scheduler."""
    counts: list[int] = []
    actor(broker, "beat", lambda: counts.append(queue.get_job_counts()["delayed"]))
    queue.upsert_job_scheduler("pulse", Repeat(every_ms=3_600_000), name="beat")

    with working():
        wait_for(lambda: counts, "the first run")

    assert counts == [1]


def test_a_scheduler_goes_on_after_redis_was_away_at_the_claim(
    broker: BullMQBroker, queue: Queue, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claimed job is kept, and what comes after it is added when Redis answers again."""
    answers = [RedisConnectionError("reset by peer")]
    add_next = schedulers.advance

    def advance(queue: Queue, job: Job) -> str | None:
        if answers:
            raise answers.pop()
        return add_next(queue, job)

    monkeypatch.setattr(schedulers, "advance", advance)
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0)
    actor(broker, "beat", lambda: None)
    queue.upsert_job_scheduler("pulse", SOON, name="beat")

    with working():
        wait_for(lambda: queue.get_job_counts()["completed"] == 3, "three runs")

    assert answers == []


def test_jobs_that_are_claimed_run_though_redis_goes_away_before_the_next_claim(
    broker: BullMQBroker, queue: Queue, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BullMQ's own script claims one by one: an error in the middle must not forget the first half."""
    broker.batched = False
    calls: list[int] = []
    run = Scripts.run

    def cut(scripts: Scripts, name: str, *rest: Any) -> Any:
        calls.extend([1] if name == "moveToActive" else [])
        if name == "moveToActive" and len(calls) == 2:
            raise RedisConnectionError("reset by peer")
        return run(scripts, name, *rest)

    monkeypatch.setattr(Scripts, "run", cut)
    actor(broker, "noop", lambda: None)
    ids = [queue.add("noop", {}) for _ in range(3)]

    with working():
        for job_id in ids:
            ended(queue, job_id)

    assert [job.attempts_started for job in queue.get_jobs(["completed"])] == [1, 1, 1]


def test_a_pattern_that_only_node_reads_ends_the_scheduler_and_says_so(
    broker: BullMQBroker, queue: Queue, working: Working, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """The job runs; its neighbours too."""
    actor(broker, "beat", lambda: None)
    queue.upsert_job_scheduler("pulse", Repeat(pattern="* * * * * *"), name="beat")
    (job,) = queue.get_jobs(["delayed"])
    redis.hset(queue.keys[job.id], "opts", '{"repeat": {"pattern": "H * * * *"}}')

    with working():
        ended(queue, job.id)
        ended(queue, queue.add("beat", {}))

    assert "scheduler pulse of queue mail ends" in caplog.text
    assert "'H * * * *'" in caplog.text


def test_an_upsert_replaces_the_scheduler_and_its_next_job(queue: Queue) -> None:
    """There is one next job, with the new template."""
    queue.upsert_job_scheduler("nightly", Repeat(pattern="0 3 * * *"), name="old")

    queue.upsert_job_scheduler("nightly", Repeat(pattern="0 4 * * *"), name="new", data={"x": 1})

    (job,) = queue.get_jobs(["delayed"])
    (scheduler,) = queue.get_job_schedulers()
    assert (job.name, job.data, job.scheduler_id) == ("new", {"x": 1}, "nightly")
    assert (scheduler.pattern, scheduler.name) == ("0 4 * * *", "new")
    assert due(queue, "nightly").hour == 4


def test_a_scheduler_starts_at_its_time_or_at_once(queue: Queue) -> None:
    """``start_at`` moves the first job; ``immediately`` adds one now, and the pattern goes on from there."""
    start = datetime(2031, 5, 4, 12, tzinfo=UTC)

    queue.upsert_job_scheduler("later", Repeat(pattern="0 9 * * *", tz="Asia/Tokyo", start_at=start))
    queue.upsert_job_scheduler("now", Repeat(pattern="0 0 1 1 *", immediately=True))

    assert due(queue, "later") == datetime(2031, 5, 5, 0, tzinfo=UTC)
    assert [job.scheduler_id for job in queue.get_jobs(["waiting"])] == ["now"]


def test_a_scheduler_ends_at_its_time(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """The job that is claimed after ``end_at`` is the last."""
    actor(broker, "beat", lambda: None)
    end = datetime.now(UTC) + timedelta(milliseconds=150)
    queue.upsert_job_scheduler("pulse", Repeat(every_ms=100, end_at=end), name="beat")

    with working():
        wait_for(lambda: queue.now_ms() > end.timestamp() * 1000 + 100 and queue.count() == 0, "its end")

    assert 1 <= queue.get_job_counts()["completed"] <= 3


def test_a_cancelled_next_job_is_skipped_and_the_one_after_it_comes(queue: Queue) -> None:
    """It would otherwise be the last."""
    skipped = queue.upsert_job_scheduler("nightly", Repeat(pattern="0 3 * * *"))
    assert skipped is not None
    before = due(queue, "nightly")

    queue.cancel(skipped, "not tonight")

    assert queue.job_state(skipped) == "failed"
    assert due(queue, "nightly") == before + timedelta(days=1)


def test_the_next_job_is_not_removed_alone(queue: Queue) -> None:
    """Its scheduler would end unseen; with the scheduler it goes."""
    job_id = queue.upsert_job_scheduler("nightly", Repeat(pattern="0 3 * * *"))
    assert job_id is not None

    with pytest.raises(BrokerError, match="next of scheduler 'nightly'"):
        queue.remove(job_id)
    removed = [queue.remove_job_scheduler("nightly") for _ in range(2)]

    assert removed == [True, False]
    assert queue.get_job(job_id) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "every_ms or a pattern"),
        ({"every_ms": 5, "pattern": "* * * * *"}, "every_ms or a pattern"),
        ({"every_ms": -5}, "at least 1"),
        ({"pattern": "* * * * *", "immediately": True, "start_at": datetime(2030, 1, 1, tzinfo=UTC)}, "immediately"),
        ({"every_ms": 5, "start_at": datetime(2030, 1, 1)}, "naive"),  # noqa: DTZ001 - that is the mistake
        ({"pattern": "* * *"}, "3 fields"),
        ({"pattern": "0 25 * * *"}, "Bad hour"),
        ({"pattern": "0 9 * * *", "tz": "Mars/Olympus"}, "Mars/Olympus"),
        ({"every_ms": 5, "end_at": datetime(2020, 1, 1, tzinfo=UTC)}, "end before it starts"),
    ],
)
def test_nonsense_is_refused_with_its_value(queue: Queue, wrong: dict[str, Any], says: str) -> None:
    """Before anything is written."""
    with pytest.raises(ValueError, match=says):
        queue.upsert_job_scheduler("pulse", Repeat(**wrong))

    assert queue.get_job_schedulers() == []


@pytest.mark.parametrize(
    ("pattern", "after", "expected"),
    [
        ("30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("0 30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("30 2 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("20 30 2 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T02:30:20+02:00", "2026-10-26T02:30:20+01:00"]),
        ("0 * * * *", "2026-10-25T01:30+02:00", ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]),
    ],
)
def test_a_fixed_hour_comes_once_when_clocks_change(pattern: str, after: str, expected: list[str]) -> None:
    """Skipped, it comes right after the gap; repeated, it comes the first time. Every hour means every hour."""
    last: int | None = int(datetime.fromisoformat(after).timestamp() * 1000)

    found = []
    for _ in expected:
        last = next_ms(pattern, last or 0, "Europe/Madrid")
        found.append(last)

    assert found == [int(datetime.fromisoformat(time).timestamp() * 1000) for time in expected]


def test_a_day_that_no_month_has_is_refused() -> None:
    """Rather than searched for ever; a rare one is found years ahead."""
    with pytest.raises(ValueError, match="Bad day-of-month"):
        next_ms("0 0 30 2 *", 0)

    assert next_ms("0 0 29 2 *", 0) == datetime(1972, 2, 29, tzinfo=UTC).timestamp() * 1000
