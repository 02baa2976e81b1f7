"""Where one side has ended the other ends too, and nobody is held up by the look at everything."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis

from app.broker.queue import Queue
from app.broker.recorder import EndKind, Recorder
from app.jobs.engine import broker
from app.models.job_status import Status
from producer import sweep
from producer.sweep import Sweep
from tests.ledger.rows import all_rows, end, only_row
from tests.producer.test_reconcile import Reconciled, add, claimed, now

LATER = timedelta(hours=2)


@pytest.fixture
def recorder(queue: Queue) -> Recorder:
    """The ledger, as the engine has it."""
    recorder = broker().recorder
    assert recorder is not None
    return recorder


@pytest.fixture
def reconciled(queue: Queue) -> Reconciled:
    """A reconciler that has seen Redis whole once."""
    first = Reconciled()
    first.at(now(queue))
    return first


@pytest.mark.parametrize("delay_ms", [0, 86_400_000], ids=["waiting", "delayed"])
def test_what_ended_in_its_row_ends_in_redis(
    queue: Queue, recorder: Recorder, reconciled: Reconciled, delay_ms: int
) -> None:
    """Its worker died between the two, and the keeper handed the job back; it is not run again."""
    for job_id in ("a", "b"):
        add(job_id, delay_ms=delay_ms)
    recorder.before_settle([end(*claimed(queue, recorder, "a"), return_value={"n": 1})])
    recorder.before_settle([end(*claimed(queue, recorder, "b"), EndKind.FAILED, reason="no")])

    reconciled.at(now(queue) + LATER)

    a, b = queue.get_job("a"), queue.get_job("b")
    assert a is not None
    assert b is not None
    assert (queue.job_state("a"), a.return_value) == ("completed", {"n": 1})
    assert (queue.job_state("b"), b.failed_reason) == ("failed", "no")
    assert all(row.settled_at for row in all_rows())


def test_an_end_that_redis_has_is_confirmed(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Only the confirmation was lost: a retry by hand is one, and is run (R6)."""
    add("a")
    recorder.before_settle([end(*claimed(queue, recorder, "a"))])
    redis.hset(queue.keys["a"], "finishedOn", "1")

    reconciled.at(now(queue) + LATER)

    assert only_row().settled_at is not None


def test_an_end_of_a_job_that_is_gone_has_nothing_to_settle(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """It was trimmed, or lost after its end."""
    add("a")
    recorder.before_settle([end(*claimed(queue, recorder, "a"))])
    redis.delete(queue.keys["a"], queue.keys["wait"])

    reconciled.at(now(queue) + LATER)

    assert (only_row().status, only_row().settled_at is None) == (Status.COMPLETED, False)


def test_a_job_in_somebodys_hands_is_left_to_them(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Its worker is about to say so, or its next claim will."""
    add("a")
    recorder.before_settle([end(*claimed(queue, recorder, "a"))])
    redis.lmove(queue.keys["wait"], queue.keys["active"])

    reconciled.at(now(queue) + LATER)

    assert queue.job_state("a") == "active"
    assert redis.hget(queue.keys["a"], "defa") is None
    assert only_row().settled_at is None


def test_an_end_of_just_now_is_on_its_way(queue: Queue, recorder: Recorder, reconciled: Reconciled) -> None:
    """The finisher is between the two."""
    add("a")
    run, start = claimed(queue, recorder, "a")
    recorder.before_settle([end(run, start)])

    Sweep(broker(), lambda: True)(now(queue) + timedelta(seconds=30))

    assert queue.job_state("a") == "waiting"


class Hourglass:
    """Each look at it, a second has gone; and who rested how long."""

    def __init__(self) -> None:
        self.at = 0.0
        self.rests: list[float] = []

    def __call__(self) -> float:
        self.at += 1.0
        return self.at


def test_it_rests_as_long_as_it_works_and_goes_on_where_it_was(
    queue: Queue, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages of one row each; a slice of three seconds is two of them."""
    monkeypatch.setattr(sweep, "AT_ONCE", 1)
    for job_id in "abcdef":
        add(job_id)
    redis.delete(*(queue.keys[job_id] for job_id in "abcdef"), queue.keys["wait"])
    glass = Hourglass()
    swept = Sweep(broker(), lambda: True, rest=glass.rests.append, timer=glass)

    left = []
    for _ in range(3):
        swept(now(queue))
        left.append(sum(row.status == Status.WAITING for row in all_rows()))

    assert left == [4, 2, 0]
    assert set(glass.rests) == {1.0}
