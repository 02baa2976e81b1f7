"""What Redis has forgotten to have ended does not run again: a replica that lagged was promoted (FAULTS 7)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis

from app.broker import keys
from app.broker.queue import Queue
from app.broker.recorder import Claim, Ended, EndKind, Recorder, Start
from app.jobs.engine import broker
from tests.ledger.rows import all_rows, end
from tests.producer import test_reconcile
from tests.producer.test_reconcile import Reconciled, add, claimed, now
from tests.servers import wait_for

recorder, reconciled = test_reconcile.recorder, test_reconcile.reconciled


def ended_and_settled(queue: Queue, recorder: Recorder, job_id: str, kind: EndKind = EndKind.COMPLETED) -> Claim:
    """A job that has ended in its row, which says that Redis knows. It does not: there the job still waits."""
    add(job_id)
    run = claimed(queue, recorder, job_id)
    this = end(*run, kind, return_value={"n": 1}, reason="no" if kind is EndKind.FAILED else "")
    recorder.before_settle([this])
    recorder.settled([this])
    return run[0]


def lose(redis: Redis) -> None:
    """Another server answers now: what it has is older, and it has no epoch of its own."""
    redis.set(keys.epoch(broker().prefix), "the master that is gone")


@pytest.mark.parametrize("kind", [EndKind.COMPLETED, EndKind.FAILED])
def test_a_forgotten_end_is_settled_and_not_run(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled, kind: EndKind
) -> None:
    """As it was: with its value, or its reason."""
    claim = ended_and_settled(queue, recorder, "a", kind)
    lose(redis)

    reconciled.at(now(queue))

    (verdict,) = recorder.claimed([claim])
    expected = {EndKind.COMPLETED: Ended(kind, return_value={"n": 1}), EndKind.FAILED: Ended(kind, reason="no")}
    assert verdict == expected[kind]


def test_it_ends_where_it_waits_though_nobody_claims_it(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Its queue may be paused, or without a worker: the sweep after the loss ends it."""
    ended_and_settled(queue, recorder, "a")
    reconciled.at(now(queue) + timedelta(minutes=80))  # a sweep has passed its end
    lose(redis)

    def sweep() -> bool:
        reconciled.at(now(queue) + timedelta(minutes=81))
        return queue.job_state("a") == "completed"

    wait_for(sweep, "a sweep, in as many slices as it takes, to end it")


def test_a_retry_by_hand_without_a_loss_is_one(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Somebody meant it: a job of Bull Board's looks the same."""
    claim = ended_and_settled(queue, recorder, "a")

    reconciled.at(now(queue))

    (verdict,) = recorder.claimed([claim])
    assert isinstance(verdict, Start)


def test_after_a_loss_what_redis_remembers_can_still_be_retried_by_hand(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Its end stays confirmed."""
    claim = ended_and_settled(queue, recorder, "a")
    redis.hset(queue.keys["a"], mapping={"finishedOn": "1", "returnvalue": "{}"})
    lose(redis)

    reconciled.at(now(queue))

    assert [row.settled_at is None for row in all_rows()] == [False]
    (verdict,) = recorder.claimed([claim])
    assert isinstance(verdict, Start)


@pytest.mark.parametrize("from_row", [False, True])
def test_a_confirmation_that_arrives_after_the_loss_confirms_nothing(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled, from_row: bool
) -> None:
    """The old master had the end; the finisher says so when the recovery has passed the row already."""
    add("a")
    claim, start = claimed(queue, recorder, "a")
    recorder.before_settle([end(claim, start, ended_ms=claim.claimed_ms)])
    lose(redis)
    reconciled.at(now(queue))

    recorder.settled([end(claim, None if from_row else start, ended_ms=claim.claimed_ms)])

    (verdict,) = recorder.claimed([claim])
    assert verdict == Ended(EndKind.COMPLETED)


def test_an_end_of_after_the_loss_is_confirmed(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """The doubt is about the time before only."""
    add("a")
    run = claimed(queue, recorder, "a")
    lose(redis)
    reconciled.at(now(queue))

    this = end(*run, ended_ms=queue.now_ms() + 1)
    recorder.before_settle([this])
    recorder.settled([this])

    assert [row.settled_at is None for row in all_rows()] == [False]


def test_every_page_is_looked_at(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends of the same moment lie on different pages."""
    monkeypatch.setattr("producer.forgotten.AT_ONCE", 2)
    for number in range(5):
        ended_and_settled(queue, recorder, f"j{number}")
    lose(redis)

    reconciled.at(now(queue))

    assert [row.settled_at for row in all_rows()] == [None] * 5
