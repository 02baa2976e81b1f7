"""The doctor's deep look: every row has its job, once, and somebody who runs it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis

from app.broker.queue import Queue
from app.commands import deep
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.engine import broker
from app.jobs.enqueue import enqueue
from app.jobs.payloads import ProcessUserData
from app.ledger.clock import database_now
from tests.cli.conftest import Run
from tests.jobs import conftest as jobs
from tests.ledger.rows import claim, only_row
from tests.ledger.rows import new_job as a_job

queue = jobs.queue


@pytest.fixture
def job_id(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> str:
    """A job that waits, and is old enough to be judged."""
    monkeypatch.setattr(deep, "GRACE", timedelta(seconds=-1))
    return enqueue(PROCESS_USER_DATA, ProcessUserData(user_id="7"), job_id="a")


def counts() -> tuple[int, int, int]:
    """Lost, doubled, orphaned."""
    return deep.count_lost(), deep.count_doubled(), deep.count_orphaned()


def test_a_whole_queue_has_none(job_id: str) -> None:
    """Nothing lost, doubled or orphaned."""
    assert counts() == (0, 0, 0)


def test_a_row_without_its_job_is_lost(job_id: str, redis: Redis) -> None:
    """Until the reconciler brings it back."""
    redis.flushall()

    assert counts() == (1, 0, 0)


def test_a_job_in_two_places_is_doubled(queue: Queue, job_id: str, redis: Redis) -> None:
    """It would run twice."""
    redis.zadd(queue.keys["delayed"], {job_id: 1})

    assert counts() == (0, 1, 0)


def test_an_id_without_a_job_is_orphaned(queue: Queue, job_id: str, redis: Redis) -> None:
    """No worker can run it; and the row has lost its job."""
    redis.delete(queue.keys[job_id])

    assert counts() == (1, 0, 1)


def test_a_running_row_that_nobody_runs_is_orphaned(queue: Queue, job_id: str, redis: Redis) -> None:
    """Its worker was never seen, Redis has neither lock nor beat."""
    recorder = broker().recorder
    assert recorder is not None
    recorder.claimed([claim(a_job(job_id, added_ms=only_row().added_ms))])
    redis.flushall()

    assert counts() == (0, 0, 1)


def test_the_doctor_shows_the_counts(toril: Run) -> None:
    """All three, zero for a new installation."""
    said = toril("doctor", "--deep").stdout

    lines = [line.split()[:3] for line in said.splitlines() if line.startswith(("lost", "doubled", "orphaned"))]
    assert lines == [["lost", "ok", "0"], ["doubled", "ok", "0"], ["orphaned", "ok", "0"]]


def test_the_doctor_says_that_clocks_disagree(toril: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing ticks, so it is wrong and not a warning."""
    monkeypatch.setattr("app.commands.doctor.database_now", lambda of: database_now(of) - timedelta(seconds=90))

    done = toril("doctor")

    (line,) = [line for line in done.stdout.splitlines() if line.startswith("clocks")]
    assert done.returncode == 1
    assert "wrong" in line
    assert "+90.0 s from the database" in line
