"""A rolling release: data that this worker does not understand wait for one that does, and then fail in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from dramatiq import Worker

from app.broker.queue import Queue
from app.jobs.actor import actor
from app.jobs.catalog import PROCESS_USER_DATA, JobSpec
from app.jobs.engine import broker
from app.jobs.enqueue import enqueue
from app.jobs.payloads import ProcessUserData
from app.models.job_status import Status
from tests.ledger.rows import all_attempts, only_row
from tests.servers import wait_for

SEVEN = ProcessUserData(user_id="7")
SECOND = replace(PROCESS_USER_DATA, version=2)


@contextmanager
def worker(spec: JobSpec[Any], body: Callable[..., Any] = lambda **_: None) -> Iterator[None]:
    """A worker with the actor of that spec."""
    actor(spec)(body)
    running = Worker(broker(), queues={"user-updates"}, worker_threads=3, worker_timeout=50)
    running.start()
    try:
        yield
    finally:
        running.stop()


def settled() -> bool:
    """Whether the one job's end is confirmed by Redis."""
    return only_row().settled_at is not None


def postponed(queue: Queue, times: int) -> None:
    """Returns when the job waits for the so many-th time."""

    def waits() -> bool:
        return len(all_attempts()) == times and queue.job_state("a") == "delayed"

    wait_for(waits, f"delay number {times}")


def promote(queue: Queue) -> None:
    """The 15 seconds are over."""
    job = queue.get_job("a")
    assert job is not None
    job.promote()


@pytest.mark.parametrize(
    ("written", "known"), [(SECOND, PROCESS_USER_DATA), (PROCESS_USER_DATA, replace(SECOND, oldest_version=2))]
)
def test_data_of_another_version_fail_in_sight_after_three_delays(
    written: JobSpec[Any], known: JobSpec[Any], queue: Queue
) -> None:
    """Newer or older; meanwhile the reason stands in Redis and in the rows, and no attempt is used."""
    enqueue(written, SEVEN, job_id="a")
    before_ms = queue.now_ms()

    with worker(known):
        for delay in (1, 2, 3):
            postponed(queue, delay)
            row, logged = only_row(), queue.get_logs("a")
            assert (row.status, row.attempts_made) == (Status.DELAYED, 0)
            assert row.due_at is not None
            assert row.due_at.timestamp() * 1000 >= before_ms + 15_000
            assert logged == [all_attempts()[-1].error] * delay
            promote(queue)
        wait_for(settled, "the failure")

    reason = f"data of 'process_user_data' are of version '{written.version}'; this worker understands {known.version}"
    job = queue.get_job("a")
    assert job is not None
    assert (only_row().status, only_row().error, job.failed_reason) == (Status.FAILED, reason, reason)


def test_a_worker_of_the_new_release_takes_over(queue: Queue) -> None:
    """It waited for that."""
    enqueue(SECOND, SEVEN, job_id="a")

    with worker(PROCESS_USER_DATA):
        postponed(queue, 1)
    broker().actors.clear()
    promote(queue)
    with worker(SECOND):
        wait_for(settled, "the end")

    assert (only_row().status, only_row().attempts_made) == (Status.COMPLETED, 1)


def test_what_was_parked_before_has_its_whole_grace(queue: Queue) -> None:
    """A job that another release has parked three times, for reasons of its own, is postponed like any other."""
    enqueue(SECOND, SEVEN, job_id="a")
    queue.redis.hset(queue.keys["a"], "ats", "3")

    with worker(PROCESS_USER_DATA):
        postponed(queue, 1)

    assert only_row().status == Status.DELAYED


@pytest.mark.parametrize("version", ["absent", 1, 2])
def test_every_version_from_the_oldest_on_is_understood(version: object, queue: Queue) -> None:
    """Also the data of a producer that has never heard of versions, as Node's."""
    opts = {} if version == "absent" else {"payloadVersion": version}
    queue.add("process_user_data", {"user_id": "7"}, job_id="a", opts=opts)

    with worker(SECOND):
        wait_for(settled, "the end")

    assert only_row().status == Status.COMPLETED


def test_the_first_version_is_not_written(queue: Queue) -> None:
    """Jobs cost no byte more than before, and are what Node writes."""
    enqueue(PROCESS_USER_DATA, SEVEN, job_id="a")
    enqueue(SECOND, SEVEN, job_id="b")

    first, second = queue.get_job("a"), queue.get_job("b")

    assert first is not None
    assert second is not None
    assert "payloadVersion" not in first.opts
    assert second.opts["payloadVersion"] == 2


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "user_id: Field required"),
        ({"user_id": "7", "speed": "s3cret"}, "speed: Extra inputs are not permitted"),
        ({"user_id": "7", "cadence": "s3cret"}, "cadence: Input should be 'daily', 'weekly' or 'both'"),
    ],
)
def test_missing_unknown_and_wrong_fields_are_named(data: dict[str, Any], says: str, queue: Queue) -> None:
    """At once, in one attempt, and without their values."""
    queue.add("process_user_data", data, job_id="a", attempts=4)

    with worker(PROCESS_USER_DATA):
        wait_for(settled, "the failure")

    row = only_row()
    assert (row.status, row.attempts_made) == (Status.FAILED, 1)
    assert row.error == f"data of 'process_user_data' are not valid: {says}"
