"""Whatever Redis loses comes back from the rows; whatever was removed on purpose does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from app import db
from app.broker.queue import Queue
from app.broker.recorder import Claim, EndKind, NewJob, Recorder, Start
from app.broker.steering import read_settings, set_limits, set_paused
from app.clock import from_ms
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.engine import broker
from app.jobs.enqueue import enqueue
from app.jobs.payloads import ProcessUserData
from app.ledger.repairs import restore
from app.ledger.standing import look
from app.ledger.workers import seen
from app.models.job_status import Status
from producer.reconcile import Reconciler
from tests.ledger.rows import all_rows, claim, end, only_row

LATER = timedelta(seconds=20)
DAY_MS = 86_400_000


class Reconciled:
    """A reconciler whose passes are counted by the losses that it has told of."""

    def __init__(self) -> None:
        self.losses = 0
        self._reconcile = Reconciler(broker(), self._lost)

    def _lost(self) -> None:
        self.losses += 1

    def at(self, now: datetime) -> None:
        """One pass."""
        self._reconcile(now)


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


def now(queue: Queue) -> datetime:
    """Redis's time, as datetime."""
    return from_ms(queue.now_ms())


def add(job_id: str, *, delay_ms: int = 0, priority: int = 0) -> str:
    """A user's update, promised and added."""
    return enqueue(PROCESS_USER_DATA, ProcessUserData(user_id="7"), job_id=job_id, delay_ms=delay_ms, priority=priority)


def claimed(queue: Queue, recorder: Recorder, job_id: str, worker: str = "w1", crashes: int = 0) -> tuple[Claim, Start]:
    """The job runs, as its row says; Redis is not asked."""
    row = next(row for row in all_rows() if row.job_id == job_id)
    claimed = claim(
        NewJob(row.queue, row.job_id, row.name, row.data, row.added_ms, attempts=row.attempts, opts=row.opts),
        worker=worker,
        claimed_ms=queue.now_ms(),
        crashes=crashes,
    )
    (start,) = recorder.claimed([claimed])
    assert isinstance(start, Start)
    return claimed, start


def alive(worker: str, at: datetime) -> None:
    """That worker says that it lives."""
    with db.engine().begin() as connection:
        seen(connection, worker, at)


def test_a_first_start_is_no_loss(reconciled: Reconciled) -> None:
    """Budgets of a new installation are full."""
    assert reconciled.losses == 0


def test_one_pass_brings_everything_back(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Waiting, prioritized, delayed, parked, to be retried: with their ids, states, times and attempts."""
    for job_id in ("w", "k", "r"):
        add(job_id)
    add("p", priority=5)
    add("d", delay_ms=DAY_MS)
    due_ms = queue.now_ms() + 60_000
    for job_id, kind in (("k", EndKind.PARKED), ("r", EndKind.RETRYING)):
        recorder.before_settle([end(*claimed(queue, recorder, job_id), kind, due_ms=due_ms)])
    before = {row.job_id: row.added_ms for row in all_rows()}
    redis.flushall()

    reconciled.at(now(queue))

    jobs = {job_id: queue.get_job(job_id) for job_id in before}
    states = {job_id: queue.job_state(job_id) for job_id in before}
    assert {job_id: job.timestamp for job_id, job in jobs.items() if job} == before
    assert {job_id: job.attempts_made for job_id, job in jobs.items() if job and job.attempts_made} == {"r": 1}
    assert states == {
        "w": "waiting",
        "p": "prioritized",
        "d": "delayed",
        "k": "delayed",
        "r": "delayed",
    }
    assert redis.zscore(queue.keys["delayed"], "k") // 0x1000 == due_ms  # type: ignore[operator]  # a float
    assert reconciled.losses == 1


@pytest.mark.parametrize("opts", [{}, {"deduplication": {"id": "u7"}}], ids=["in one call", "through BullMQ's script"])
def test_what_is_behind_a_job_comes_back_with_it(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled, opts: dict[str, Any]
) -> None:
    """Its attempts and its crashes, whatever script adds it: else a poison pill gets its runs anew."""
    queue.add("work", {}, job_id="a", attempts=3, delay_ms=5, opts=opts)
    run = claimed(queue, recorder, "a", crashes=1)
    due_ms = queue.now_ms() + 60_000
    recorder.before_settle([end(*run, EndKind.RETRYING, due_ms=due_ms)])
    redis.flushall()

    reconciled.at(now(queue))

    job = queue.get_job("a")
    assert job is not None
    assert (job.attempts_made, job.crashes) == (1, 1)
    assert redis.zscore(queue.keys["delayed"], "a") // 0x1000 == due_ms  # type: ignore[operator]  # a float


def test_an_emergency_stop_survives(queue: Queue, redis: Redis, reconciled: Reconciled) -> None:
    """The pause and the limits, and they hold before any job is back."""
    add("a")
    queue.pause()
    queue.set_global_concurrency(3)
    queue.set_rate_limit(10, 5_000)
    redis.flushall()

    reconciled.at(now(queue))

    settings = redis.hmget(queue.keys["meta"], "concurrency", "max", "duration")
    assert queue.is_paused()
    assert settings == ["3", "10", "5000"]
    assert queue.get_job("a") is not None


def test_a_setting_that_was_taken_back_does_not_return(queue: Queue, redis: Redis, reconciled: Reconciled) -> None:
    """The queue runs again, without a limit."""
    queue.pause()
    queue.resume()
    queue.set_global_concurrency(3)
    queue.set_global_concurrency(None)
    redis.flushall()

    reconciled.at(now(queue))

    assert not queue.is_paused()
    assert redis.hget(queue.keys["meta"], "concurrency") is None


def paused_by_node(queue: Queue, *, paused: bool = True) -> None:
    """As Bull Board does it: only Redis knows."""
    set_paused(queue, paused=paused)


def test_a_pause_by_others_survives_a_loss(queue: Queue, redis: Redis, reconciled: Reconciled) -> None:
    """And their limits; seen at two looks, they are kept."""
    paused_by_node(queue)
    set_limits(queue, {"concurrency": 2, "max": 5, "duration": 700})
    for _ in range(2):
        reconciled.at(now(queue))
    redis.flushall()

    reconciled.at(now(queue))

    assert queue.is_paused()
    assert redis.hmget(queue.keys["meta"], "concurrency", "max", "duration") == ["2", "5", "700"]


def test_what_others_resumed_stays_resumed(queue: Queue, redis: Redis, reconciled: Reconciled) -> None:
    """Theirs was the later word."""
    queue.pause()
    reconciled.at(now(queue))
    paused_by_node(queue, paused=False)
    for _ in range(2):
        reconciled.at(now(queue))
    redis.flushall()

    reconciled.at(now(queue))

    assert not queue.is_paused()


def test_a_change_of_ours_under_way_is_not_taken_back(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """SQL has it already, Redis not yet: once is no foreign setting."""
    recorder.before_setting(queue.name, "paused", True)
    reconciled.at(now(queue))
    redis.flushall()

    reconciled.at(now(queue))

    assert queue.is_paused()


def test_what_a_loss_took_away_is_not_taken_for_a_foreign_change(
    queue: Queue, redis: Redis, reconciled: Reconciled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause is gone from Redis because everything is."""
    queue.pause()

    def read_after_a_loss(of: Queue) -> dict[str, Any]:
        redis.flushall()
        return read_settings(of)

    with monkeypatch.context() as losing:
        losing.setattr("producer.foreign.read_settings", read_after_a_loss)
        for _ in range(3):  # a look, a recovery, a look
            reconciled.at(now(queue))
    reconciled.at(now(queue))

    assert queue.is_paused()


@pytest.mark.parametrize(
    "remove",
    [
        lambda queue: queue.remove("a"),
        lambda queue: queue.drain(delayed=True),
        lambda queue: queue.clean(0, state="waiting"),
        lambda queue: queue.obliterate(),
    ],
    ids=["remove", "drain", "clean", "obliterate"],
)
def test_what_was_removed_on_purpose_stays_removed(
    queue: Queue, redis: Redis, reconciled: Reconciled, remove: Callable[[Queue], object]
) -> None:
    """However it was removed."""
    add("a")
    remove(queue)
    redis.flushall()

    reconciled.at(now(queue) + LATER)

    assert queue.get_job("a") is None
    assert only_row().status == Status.REMOVED


def test_what_others_removed_ends_removed_and_can_be_restored(
    queue: Queue, redis: Redis, reconciled: Reconciled
) -> None:
    """Absent and confirmed without a loss: somebody meant it (R11)."""
    add("a")
    redis.delete(queue.keys["a"], queue.keys["wait"])

    reconciled.at(now(queue) + timedelta(hours=2))
    removed = only_row().status
    with db.engine().begin() as connection:
        restore(connection, queue.name, ["a"])
    reconciled.at(now(queue) + timedelta(hours=2))

    assert removed == Status.REMOVED
    assert queue.job_state("a") == "waiting"
    assert only_row().status == Status.WAITING


def test_two_reconcilers_add_each_job_once(queue: Queue, redis: Redis, reconciled: Reconciled) -> None:
    """Side by side, over several pages."""
    for number in range(40):
        add(f"j{number}")
    redis.flushall()
    other = Reconciled()

    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda one: one.at(now(queue)), [reconciled, other]))
    reconciled.at(now(queue))

    events: list[tuple[str, dict[str, str]]] = redis.xrange(queue.keys["events"])  # type: ignore[assignment]
    added = [fields["jobId"] for _, fields in events if fields["event"] == "added"]
    assert sorted(added) == sorted(f"j{number}" for number in range(40))
    assert redis.llen(queue.keys["wait"]) == 40
    assert all(row.confirmed_at for row in all_rows())


def test_a_living_workers_job_is_not_started_again(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Redis forgot it, its worker did not (R14); and when it is to be retried, it is there again."""
    add("a")
    run = claimed(queue, recorder, "a")
    alive("w1", now(queue))
    redis.flushall()

    reconciled.at(now(queue))
    while_it_runs = queue.get_job("a")
    recorder.before_settle([end(*run, EndKind.RETRYING, due_ms=queue.now_ms() + 1_000)])
    reconciled.at(now(queue))

    job = queue.get_job("a")
    assert while_it_runs is None
    assert job is not None
    assert (queue.job_state("a"), job.attempts_made) == ("delayed", 1)


def test_a_dead_workers_job_is_started_again_and_its_zombie_owns_nothing(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Unseen for 15 s, without a lock, and without its keeper's beat."""
    add("a")
    run = claimed(queue, recorder, "a")
    alive("w1", now(queue) - timedelta(seconds=16))
    redis.flushall()

    reconciled.at(now(queue))

    assert queue.job_state("a") == "waiting"
    assert recorder.before_settle([end(*run)]) == [False]
    assert only_row().status == Status.WAITING


def test_a_keepers_beat_keeps_the_job_of_a_silent_worker(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """The database may have been away for that worker only."""
    add("a")
    claimed(queue, recorder, "a")
    redis.flushall()
    redis.set(f"{broker().prefix}:keeper:w1", "1")

    reconciled.at(now(queue))

    assert queue.get_job("a") is None


def test_a_zombie_that_ended_its_row_first_wins(
    queue: Queue, redis: Redis, recorder: Recorder, reconciled: Reconciled
) -> None:
    """Its row has ended, so nothing is added and nothing runs again."""
    add("a")
    run = claimed(queue, recorder, "a")
    redis.flushall()
    owns = recorder.before_settle([end(*run, return_value=7)])

    reconciled.at(now(queue))

    assert owns == [True]
    assert queue.get_job("a") is None
    assert (only_row().status, only_row().return_value) == (Status.COMPLETED, 7)


def test_a_loss_during_the_recovery_is_another_loss(
    queue: Queue, redis: Redis, reconciled: Reconciled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The epoch does not stand until a whole pass went through."""
    add("a")
    redis.flushall()
    with monkeypatch.context() as losing:
        losing.setattr("producer.reconcile.repair", lambda _: redis.flushall())
        reconciled.at(now(queue))

    reconciled.at(now(queue))
    reconciled.at(now(queue))

    assert queue.job_state("a") == "waiting"
    assert reconciled.losses == 2


def test_a_loss_during_a_sweep_removes_nothing(
    queue: Queue, redis: Redis, reconciled: Reconciled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is absent because it was lost a moment ago was not removed by anybody."""
    add("a")

    def look_after_a_loss(*of: Any) -> Iterator[Any]:
        redis.flushall()
        return look(*of)

    monkeypatch.setattr("producer.sweep.look", look_after_a_loss)
    reconciled.at(now(queue) + timedelta(hours=2))

    assert only_row().status == Status.WAITING


def test_ids_of_the_queues_counter_are_not_given_twice(queue: Queue, redis: Redis, reconciled: Reconciled) -> None:
    """The counter is lost with the rest, and would begin at 1."""
    ids = [enqueue(PROCESS_USER_DATA, ProcessUserData(user_id="7")) for _ in range(3)]
    queue.remove(ids[0])
    redis.flushall()

    reconciled.at(now(queue))

    assert enqueue(PROCESS_USER_DATA, ProcessUserData(user_id="7")) not in ids
    assert len([row for row in all_rows() if row.status == Status.WAITING]) == 3


def test_what_another_worker_ended_ends_in_its_row(queue: Queue, redis: Redis, reconciled: Reconciled) -> None:
    """Node keeps no record: its end is read from Redis within the hour (R15)."""
    add("a")
    add("b")
    redis.hset(queue.keys["a"], mapping={"finishedOn": "1", "returnvalue": '{"n": 1}'})
    redis.hset(queue.keys["b"], mapping={"finishedOn": "1", "failedReason": "no"})

    reconciled.at(now(queue) + timedelta(hours=2))

    ended = [(row.status, row.return_value, row.error) for row in all_rows()]
    assert ended == [(Status.COMPLETED, {"n": 1}, None), (Status.FAILED, None, "no")]


def test_an_id_that_another_job_has_taken_is_not_taken_for_ours(
    queue: Queue, redis: Redis, reconciled: Reconciled
) -> None:
    """The row ends, and says why (R1)."""
    add("a")
    redis.flushall()
    redis.hset(queue.keys["a"], mapping={"timestamp": "1", "name": "foreign", "data": "{}", "opts": "{}"})

    reconciled.at(now(queue))

    assert (only_row().status, only_row().error) == (Status.REMOVED, "another job stands in its place")
