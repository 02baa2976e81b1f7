"""The doctor's deep look: every row has its job, once, and somebody who runs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from redis import Redis

from app.broker.flow import Flow, FlowProducer
from app.broker.queue import Queue
from app.commands import deep
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.engine import broker
from app.jobs.enqueue import enqueue
from app.jobs.payloads import ProcessUserData
from app.ledger.clock import database_now
from app.ledger.recorder import Ledger
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


def test_a_flow_whose_child_is_nowhere_is_stuck(queue: Queue, redis: Redis) -> None:
    """Its parent would wait for ever; a whole one does not count."""
    for root in ("r1", "r2"):
        child = Flow("work", queue.name, options={"job_id": f"child-of-{root}"})
        FlowProducer(broker()).add(Flow("work", queue.name, children=[child], options={"job_id": root}))
    whole = deep.count_stuck_flows()

    redis.delete(queue.keys["child-of-r1"])

    assert (whole, deep.count_stuck_flows()) == (0, 1)


def shown(said: str) -> dict[str, str]:
    """What the doctor says of each deep check."""
    lines = [
        line.split()[:3] for line in said.splitlines() if line.startswith(("lost", "doubled", "orphaned", "flows"))
    ]
    return {check: f"{state} {count}" for check, state, count in lines}


def test_the_doctor_shows_the_counts(toril: Run) -> None:
    """All of them, zero for a new installation."""
    said = toril("doctor", "--deep").stdout

    assert shown(said) == dict.fromkeys(("lost", "doubled", "orphaned", "flows"), "ok 0")


def _double(redis: Redis) -> None:
    redis.hset("bullmq:cron:a", "name", "x")
    redis.lpush("bullmq:cron:wait", "a")
    redis.zadd("bullmq:cron:delayed", {"a": 1})


@pytest.mark.parametrize(
    ("inject", "found"),
    [
        (lambda _: Ledger().before_add([a_job("a")]), "lost"),
        (_double, "doubled"),
        (lambda redis: redis.lpush("bullmq:cron:wait", "nobody"), "orphaned"),
        (lambda redis: redis.zadd("bullmq:cron:waiting-children", {"a": 1}), "flows"),
    ],
    ids=["lost", "doubled", "orphaned", "flows"],
)
def test_the_doctor_exits_1_for_each(toril: Run, redis: Redis, inject: Callable[[Redis], object], found: str) -> None:
    """And names it, with the count."""
    toril("doctor")
    inject(redis)

    done = toril("doctor", "--deep")

    assert done.returncode == 1
    assert shown(done.stdout)[found] == "wrong 1"


def test_the_doctor_says_that_clocks_disagree(toril: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing ticks, so it is wrong and not a warning."""
    monkeypatch.setattr("app.commands.doctor.database_now", lambda of: database_now(of) - timedelta(seconds=90))

    done = toril("doctor")

    (line,) = [line for line in done.stdout.splitlines() if line.startswith("clocks")]
    assert done.returncode == 1
    assert "wrong" in line
    assert "+90.0 s from the database" in line
