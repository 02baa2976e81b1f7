"""Dramatiq actors on BullMQ jobs: a real worker, a real keeper, a real Redis."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import dramatiq
import pytest
from dramatiq import Worker
from redis import Redis

from app.broker.broker import BullMQBroker
from app.broker.current import current_job
from app.broker.errors import Park, Retry, Unrecoverable
from app.broker.job import Job
from app.broker.options import exponential
from app.broker.queue import Queue
from app.broker.recorder import RecorderUnavailable
from tests.servers import wait_for

Working = Callable[..., AbstractContextManager[Worker]]


@pytest.fixture
def queue(broker: BullMQBroker) -> Queue:
    """The queue that the actors of these tests listen on."""
    broker.declare_queue("mail")
    return broker.queue("mail")


def actor(broker: BullMQBroker, name: str, body: Callable[..., object], **options: object) -> None:
    """Declare an actor of that name on the queue ``mail``."""
    dramatiq.actor(body, actor_name=name, queue_name="mail", broker=broker, **options)  # type: ignore[call-overload]  # options are Dramatiq's


def ended(queue: Queue, job_id: str, state: str = "completed") -> Job:
    """The job, once it is in that state."""
    wait_for(lambda: queue.job_state(job_id) == state, f"job {job_id} to be {state}")
    job = queue.get_job(job_id)
    assert job is not None
    return job


def test_data_are_the_keyword_arguments_and_the_value_is_the_jobs(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """A Node producer's ``queue.add('greet', {name: 'Ana'})`` calls ``greet(name='Ana')``."""
    actor(broker, "greet", lambda name: {"text": f"hello {name}"})

    with working():
        job = ended(queue, queue.add("greet", {"name": "Ana"}))

    assert job.return_value == {"text": "hello Ana"}
    assert job.attempts_made == 1


def test_a_dramatiq_message_is_a_job(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """``send`` keeps positional arguments beside the data, and the message's id is the job's."""

    @dramatiq.actor(queue_name="mail", broker=broker)
    def add(a: int, b: int = 0) -> int:
        return a + b

    with working():
        message = add.send(2, b=3)
        job = ended(queue, message.message_id)

    assert job.return_value == 5
    assert job.data == {"b": 3}


def test_a_delayed_job_starts_at_its_time_and_not_before(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """It waits in Redis, not in the worker, and the marker wakes the worker."""
    actor(broker, "noop", lambda: None)

    with working():
        job = ended(queue, queue.add("noop", {}, delay_ms=300))

    assert job.processed_on is not None
    assert 300 <= job.processed_on - job.timestamp < 1_300


def test_a_failing_job_is_retried_as_itself_after_exact_waits(
    broker: BullMQBroker, queue: Queue, working: Working, delays: list[int]
) -> None:
    """CONTRACTS C1: four attempts, waits of 1, 2 and 4 units, then failed with the reason."""
    starts: list[int] = []

    def fail() -> None:
        starts.append(broker.clock.now_ms())
        raise RuntimeError(f"broken {len(starts)}")

    actor(broker, "fail", fail)

    with working():
        job = ended(queue, queue.add("fail", {}, attempts=4, backoff=exponential(100)), "failed")

    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert job.attempts_made == 4
    assert job.failed_reason == "broken 4"
    assert len(job.stacktrace) == 4
    assert delays == [100, 200, 400]
    assert [gap >= delay for gap, delay in zip(gaps, delays, strict=True)] == [True] * 3


def test_an_unrecoverable_error_fails_at_once(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Whatever attempts are left."""

    def refuse() -> None:
        raise Unrecoverable("no such account")

    actor(broker, "refuse", refuse)

    with working():
        job = ended(queue, queue.add("refuse", {}, attempts=5), "failed")

    assert (job.attempts_made, job.failed_reason) == (1, "no such account")


def test_a_job_can_name_its_own_delay(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """``Retry(delay_ms)`` uses an attempt; the backoff of the job does not count."""

    def later() -> str:
        if current_job().claim.attempt == 1:
            raise Retry(delay_ms=50)
        return "done"

    actor(broker, "later", later)

    with working():
        job = ended(queue, queue.add("later", {}, attempts=2, backoff=exponential(60_000)))

    assert (job.return_value, job.attempts_made) == ("done", 2)


def test_a_parked_job_uses_no_attempt_and_holds_no_thread(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Fifty jobs wait for their time while two others run to their end on the same two slots."""
    runs: dict[str, int] = {}

    def wait_once(n: int) -> None:
        job = current_job()
        runs[job.id] = runs.get(job.id, 0) + 1
        if runs[job.id] == 1:
            raise Park(datetime.now(UTC) + timedelta(milliseconds=400), "no budget")

    actor(broker, "wait_once", wait_once)
    actor(broker, "noop", lambda: None)

    with working():
        parked = [queue.add("wait_once", {"n": n}, attempts=1) for n in range(50)]
        wait_for(lambda: queue.get_job_counts()["delayed"] == 50, "fifty parked jobs")
        ended(queue, queue.add("noop", {}))
        jobs = [ended(queue, job_id) for job_id in parked]

    assert {job.attempts_made for job in jobs} == {1}
    assert set(runs.values()) == {2}


def test_a_run_that_finds_the_record_away_uses_no_attempt(
    broker: BullMQBroker, queue: Queue, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no fault of the job's: its only attempt is still there."""
    monkeypatch.setattr("app.broker.outcome.RECORD_AWAY_MS", 20)
    away = [True, True, False]

    def effect() -> str:
        if away.pop(0):
            raise RecorderUnavailable("the database restarts")
        return "done"

    actor(broker, "effect", effect)

    with working():
        job = ended(queue, queue.add("effect", {}, attempts=1))

    assert (job.return_value, job.attempts_made) == ("done", 1)


def test_no_more_jobs_run_at_once_than_the_queue_allows(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Concurrency 2 on eight threads; ends that are not settled yet hold no slot."""
    together = threading.Semaphore(2)
    crowded = threading.Event()

    def crowd() -> None:
        if not together.acquire(blocking=False):
            crowded.set()
        queue.get_job_counts()
        together.release()

    actor(broker, "crowd", crowd)

    with working():
        ids = [queue.add("crowd", {}) for _ in range(30)]
        for job_id in ids:
            ended(queue, job_id)

    assert not crowded.is_set()


def test_priority_is_of_the_whole_queue(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Jobs without one come first, then 1, then 9, in whatever order they were added."""
    order: list[str] = []
    broker.concurrency["mail"] = 1

    def note(what: str) -> None:
        order.append(what)

    actor(broker, "note", note)
    queue.add("note", {"what": "nine"}, priority=9)
    queue.add("note", {"what": "one"}, priority=1)
    last = queue.add("note", {"what": "none"})

    with working():
        ended(queue, last)
        wait_for(lambda: len(order) == 3, "three jobs to run")

    assert order == ["none", "one", "nine"]


@pytest.mark.parametrize("data", ["[1, 2]", "7", '"text"', "not json", ""])
def test_a_job_whose_data_are_no_arguments_fails_alone(
    broker: BullMQBroker, queue: Queue, working: Working, redis: Redis, data: str
) -> None:
    """It fails visibly with the reason; its neighbour runs."""
    actor(broker, "noop", lambda: None)
    bad = queue.add("noop", {}, delay_ms=0)
    redis.hset(f"test:mail:{bad}", "data", data)
    good = queue.add("noop", {})

    with working():
        job = ended(queue, bad, "failed")
        ended(queue, good)

    assert job.failed_reason is not None
    assert "must be a JSON object" in job.failed_reason


def test_wrong_arguments_fail_with_the_reason(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """A missing or unknown field names itself."""
    actor(broker, "greet", lambda name: name)

    with working():
        job = ended(queue, queue.add("greet", {"nom": "Ana"}), "failed")

    assert job.failed_reason is not None
    assert "nom" in job.failed_reason


def test_an_unknown_job_is_offered_again_before_it_fails(
    broker: BullMQBroker, queue: Queue, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rolling upgrade may bring its actor; after three offers it is a visible failure."""
    monkeypatch.setattr("app.broker.grace.WAIT_MS", 20)

    with working():
        job = ended(queue, queue.add("tomorrow", {}), "failed")

    assert job.attempts_started == 4
    assert job.failed_reason == "no actor named 'tomorrow' in this worker"


def test_a_deferred_failure_is_not_run(broker: BullMQBroker, queue: Queue, working: Working, redis: Redis) -> None:
    """A keeper's verdict on a job that killed its worker is carried out by the next claimer."""
    ran = threading.Event()
    actor(broker, "poison", ran.set)
    job_id = queue.add("poison", {})
    redis.hset(f"test:mail:{job_id}", "defa", "killed two workers")

    with working():
        job = ended(queue, job_id, "failed")

    assert job.failed_reason == "killed two workers"
    assert not ran.is_set()


def test_a_paused_queue_starts_nothing_and_goes_on_when_resumed(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """Running jobs finish; waiting ones wait."""
    actor(broker, "noop", lambda: None)

    with working():
        first = queue.add("noop", {})
        ended(queue, first)
        queue.pause()
        second = queue.add("noop", {})
        counts = queue.get_job_counts()
        queue.resume()
        ended(queue, second)

    assert counts["active"] == 0


def test_an_idle_worker_sends_at_most_one_command_a_second(
    broker: BullMQBroker, queue: Queue, working: Working, redis: Redis
) -> None:
    """The marker wakes it; it does not poll. Measured over one blocking wait, without the keeper's renewals."""
    actor(broker, "noop", lambda: None)

    with working():
        ended(queue, queue.add("noop", {}))
        with redis.monitor() as monitor:
            commands = []
            waited = threading.Timer(3.0, redis.ping)
            waited.start()
            for command in monitor.listen():
                if command["command"] == "PING":
                    break
                if "keeper" not in command["command"]:
                    commands.append(command["command"])

    claims = [command for command in commands if command.startswith(("BZPOPMIN", "EVALSHA"))]
    assert len([command for command in claims if command.startswith("BZPOPMIN")]) <= 3


def test_the_worker_is_listed_as_bullmq_lists_workers(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Node's ``getWorkers`` finds connections by this name."""
    actor(broker, "noop", lambda: None)

    with working():
        ended(queue, queue.add("noop", {}))
        wait_for(lambda: len(queue.get_workers()) == 1, "the worker to be listed")


def test_more_concurrency_than_threads_is_refused_at_boot(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """A slot without a thread would hold a claimed job that nobody runs."""
    with pytest.raises(Exception, match="--threads 2"), working(threads=1):
        pass


def test_a_run_is_interrupted_at_its_time_limit_and_its_thread_lives_on(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """It fails with that reason, and the thread runs the next job untouched."""

    def spin() -> None:
        while True:
            threading.Event().wait(0.001)

    actor(broker, "spin", spin, time_limit=100)
    actor(broker, "noop", lambda: None)

    with working():
        job = ended(queue, queue.add("spin", {}), "failed")
        after = [ended(queue, queue.add("noop", {})) for _ in range(10)]

    assert job.failed_reason == "it ran into its time limit"
    assert {other.attempts_made for other in after} == {1}


def test_an_interrupt_that_comes_too_late_reaches_nobody(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Jobs that end just at their limit: each completes or fails with the limit, none spoils its successor."""

    def nearly(ms: int) -> None:
        threading.Event().wait(ms / 1000)

    actor(broker, "nearly", nearly, time_limit=30)

    with working() as worker:
        ids = [queue.add("nearly", {"ms": ms % 60}) for ms in range(0, 240, 3)]
        wait_for(lambda: sum(queue.get_job_counts()[s] for s in ("completed", "failed")) == len(ids), "all to end")
        alive = [thread.is_alive() for thread in worker.workers]

    jobs = [job for job in map(queue.get_job, ids) if job]
    assert {job.failed_reason for job in jobs} <= {None, "it ran into its time limit"}
    ran = {job.id: (job.finished_on or 0) - (job.processed_on or 0) for job in jobs if job.failed_reason}
    assert {job_id: ms for job_id, ms in ran.items() if ms < 30} == {}
    assert all(alive)
