"""A producer that died between row and add has lost nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.broker.queue import Queue
from app.clock import from_ms
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.engine import broker
from app.jobs.enqueue import new_job
from app.jobs.payloads import ProcessUserData
from producer.repair import repair
from tests.ledger.rows import all_rows, only_row


@pytest.fixture
def promised(queue: Queue) -> str:
    """A row without its job; returns the id."""
    job = new_job(PROCESS_USER_DATA, ProcessUserData(user_id="7"), job_id="a")
    recorder = broker().recorder
    assert recorder is not None
    recorder.before_add([job])
    return job.id


def test_what_was_never_added_is_added_after_15_seconds(queue: Queue, promised: str) -> None:
    """As it was promised: the same id and time."""
    later = from_ms(queue.now_ms()) + timedelta(seconds=16)

    repaired = repair(later)

    job = queue.get_job(promised)
    assert repaired == 1
    assert job is not None
    assert (job.timestamp, job.data) == (only_row().added_ms, {"user_id": "7", "cadence": "daily"})
    assert (only_row().repairs, only_row().confirmed_at is None) == (1, False)


def test_a_young_promise_is_left_to_its_producer(queue: Queue, promised: str) -> None:
    """It is probably being added."""
    assert repair(from_ms(queue.now_ms()) + timedelta(seconds=10)) == 0
    assert queue.get_job(promised) is None


def test_what_was_added_unconfirmed_is_only_confirmed(queue: Queue, promised: str) -> None:
    """The producer died between the add and its confirmation."""
    silent, recorder = broker(), broker().recorder
    silent.recorder = None
    job = new_job(PROCESS_USER_DATA, ProcessUserData(user_id="7"), job_id=promised)
    queue.add_recorded([replace(job, added_ms=only_row().added_ms)])
    silent.recorder = recorder

    repaired = repair(from_ms(queue.now_ms()) + timedelta(seconds=16))

    assert repaired == 0
    assert queue.get_job_counts()["waiting"] == 1
    assert only_row().confirmed_at is not None


def test_what_was_removed_is_not_resurrected(queue: Queue, promised: str) -> None:
    """Absent on purpose."""
    recorder = broker().recorder
    assert recorder is not None
    recorder.before_remove("user-updates", [promised])

    assert repair(from_ms(queue.now_ms()) + timedelta(days=1)) == 0
    assert queue.get_job(promised) is None


def test_nothing_to_repair_costs_nothing(queue: Queue) -> None:
    """The usual case."""
    assert repair(from_ms(queue.now_ms())) == 0
    assert all_rows() == []
