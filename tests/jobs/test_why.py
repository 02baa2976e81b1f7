"""Why a job has not run yet: each blocker alone and in pairs gives the exact reasons, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import combinations, count
from typing import Any

import pytest
from dramatiq import Worker
from redis import Redis
from sqlalchemy import Engine

from app import db
from app.broker import batches
from app.broker.errors import JobNotFound, Park
from app.broker.flow import Flow, FlowProducer
from app.broker.queue import Queue
from app.broker.scripts import scripts
from app.clock import from_ms, utc_now
from app.crontab.emergency import stop_everything
from app.crontab.pausing import pause_queue, resume_queue
from app.jobs.actor import actor
from app.jobs.catalog import PROCESS_USER_DATA, USER_UPDATES
from app.jobs.engine import broker, find_queue
from app.jobs.user_updates import enqueue_user, enqueue_users
from app.jobs.why import Kind, Reason, why
from app.ledger import queries
from app.models.job_status import JobStatus
from app.settings import settings
from tests.servers import wait_for

DATA = {"user_id": "7"}
BROKERS = count(1)
#: What is the job's own: of these there is one at most.
OF_JOB = (Kind.NOT_ADDED, Kind.CHILDREN, Kind.PARKED, Kind.RETRY, Kind.DELAYED)
LASTING = (Kind.EMERGENCY_STOP, Kind.PAUSED, Kind.NO_WORKER)
PASSING = (Kind.RATE_LIMIT, Kind.GLOBAL_CONCURRENCY, Kind.CONCURRENCY, Kind.AHEAD)
BLOCKERS = (*OF_JOB, *LASTING, *PASSING)


@pytest.fixture
def queue(sqlite_database: Engine, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """The main queue, with a broker of this test's own; one worker process holds 3 of its jobs."""
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    monkeypatch.setenv("QUEUE_PREFIX", f"why-{next(BROKERS)}")
    monkeypatch.setenv("WORKER_CONCURRENCY", "3")
    settings.cache_clear()
    yield find_queue(USER_UPDATES)
    settings.cache_clear()


@pytest.fixture
def listener(queue: Queue) -> Iterator[Redis]:
    """A worker's connection, by its name."""
    client = queue.redis.client()
    client.client_setname(f"{queue.keys.client_name()}:w:w1")
    yield client
    assert client.connection is not None
    client.connection.disconnect()
    client.close()


def reasons(queue: Queue, job_id: str) -> list[Reason]:
    """As the API asks for them."""
    with db.reading() as session:
        return why(session, queue, job_id, session.scalar(queries.job(job_id, queue.name)))


def claim(queue: Queue, jobs: int) -> None:
    """A worker takes that many jobs and goes on with them."""
    enqueue_users(["9"] * jobs)
    found = batches.claim_many(
        scripts(queue.redis),
        queue.keys,
        [f"token-{number}" for number in range(jobs)],
        now_ms=queue.now_ms(),
        lock_ms=60_000,
        worker="w1",
    )
    assert len(found.jobs) == jobs


def run(queue: Queue, job_id: str, body: Callable[..., Any]) -> None:
    """A real worker runs it once, until it is delayed."""
    actor(PROCESS_USER_DATA)(body)
    worker = Worker(broker(), queues={USER_UPDATES}, worker_threads=3, worker_timeout=50)
    worker.start()
    try:
        wait_for(lambda: queue.job_state(job_id) == "delayed", f"job {job_id} to be delayed")
    finally:
        worker.stop()


def target(queue: Queue, blocker: Kind | None) -> str:
    """The job that somebody asks about, with what is its own in its way."""

    def fail(**_: Any) -> None:
        raise ValueError("HTTP 500")

    def park(**_: Any) -> None:
        raise Park(utc_now() + timedelta(hours=1), "1 of 2 wait for Amazon, first for getOrders (budget spent)")

    match blocker:
        case Kind.NOT_ADDED:
            (job,) = broker().recorder.before_add([queue.new_job(PROCESS_USER_DATA.name, DATA)])  # type: ignore[union-attr]
            return job.id
        case Kind.CHILDREN:
            child = Flow(PROCESS_USER_DATA.name, USER_UPDATES, DATA, options={"job_id": "child", "delay_ms": 3_600_000})
            return FlowProducer(broker()).add(Flow(PROCESS_USER_DATA.name, USER_UPDATES, DATA, [child]))
        case Kind.DELAYED:
            return queue.add(PROCESS_USER_DATA.name, DATA, delay_ms=3_600_000)
        case Kind.RETRY:
            job_id = queue.add(PROCESS_USER_DATA.name, DATA, attempts=4, backoff=3_600_000)
            run(queue, job_id, fail)
            return job_id
        case Kind.PARKED:
            job_id = enqueue_user("7")
            run(queue, job_id, park)
            return job_id
    return enqueue_user("7")


def inject(queue: Queue, listener: Redis, blockers: set[Kind]) -> str:
    """The job's id, behind all of these. Claims come before the limits that would refuse them."""
    own = next((kind for kind in blockers if kind in OF_JOB), None)
    job_id = target(queue, own) if own else ""
    if Kind.CONCURRENCY in blockers:
        claim(queue, 3)
    if Kind.RATE_LIMIT in blockers:
        queue.set_rate_limit(1, 3_600_000)
        claim(queue, 1)
    if Kind.GLOBAL_CONCURRENCY in blockers:
        if not queue.redis.llen(queue.keys["active"]):
            claim(queue, 1)
        queue.set_global_concurrency(1)
    if Kind.AHEAD in blockers:
        enqueue_users(["1", "2"])
    job_id = job_id or target(queue, None)
    if Kind.PAUSED in blockers:
        pause_queue(queue, by="ada", at=utc_now(), why="Amazon is down")
    if Kind.EMERGENCY_STOP in blockers:
        stop_everything(by="grace", at=utc_now(), why="fire")
    if Kind.NO_WORKER in blockers:
        listener.client_setname("nobody")
    return job_id


def expected(blockers: set[Kind]) -> list[Kind]:
    """Its own first; what passes is told only of a job whose turn it is; nothing at all is told as such."""
    if any(kind in OF_JOB for kind in blockers):
        blockers = {kind for kind in blockers if kind not in PASSING}
    return [kind for kind in BLOCKERS if kind in blockers]


def possible(pair: tuple[Kind, Kind]) -> bool:
    """Two of a job's own exclude each other, and without a worker no place is taken."""
    return not all(kind in OF_JOB for kind in pair) and set(pair) != {Kind.NO_WORKER, Kind.CONCURRENCY}


@pytest.mark.parametrize("blocker", BLOCKERS)
def test_each_blocker_alone_is_the_one_reason(queue: Queue, listener: Redis, blocker: Kind) -> None:
    """Nothing else is named."""
    job_id = inject(queue, listener, {blocker})

    found = reasons(queue, job_id)

    assert [reason.kind for reason in found] == [blocker]


@pytest.mark.parametrize("pair", [pair for pair in combinations(BLOCKERS, 2) if possible(pair)], ids="+".join)
def test_each_pair_gives_both_in_their_order(queue: Queue, listener: Redis, pair: tuple[Kind, Kind]) -> None:
    """Or the first, of a job that waits for its moment beside what will have passed by then."""
    job_id = inject(queue, listener, set(pair))

    found = reasons(queue, job_id)

    assert [reason.kind for reason in found] == expected(set(pair))


def test_nothing_in_its_way_is_said_too(queue: Queue, listener: Redis) -> None:
    """A worker listens, and nobody is ahead."""
    (reason,) = reasons(queue, enqueue_user("7"))

    assert reason.kind is Kind.NEXT


def test_the_numbers_are_those_that_were_injected(queue: Queue, listener: Redis) -> None:
    """Worked by hand: 3 places of one worker, 4 running with the limited one, 2 ahead, paused by ada."""
    job_id = inject(queue, listener, {Kind.CONCURRENCY, Kind.RATE_LIMIT, Kind.AHEAD, Kind.PAUSED})

    paused, limited, full, ahead = reasons(queue, job_id)

    assert (paused.by, paused.said) == ("ada", "Amazon is down")
    assert (limited.numbers["started"], limited.numbers["of"]) == (1, 1)
    assert timedelta(minutes=59) < limited.numbers["until"] - from_ms(queue.now_ms()) <= timedelta(hours=1)
    assert full.numbers == {"running": 4, "of": 3, "workers": 1}
    assert (ahead.numbers["ahead"], ahead.numbers["estimateS"]) == (2, None)
    assert "held up" in ahead.text


def test_a_pause_past_us_has_no_name(queue: Queue, listener: Redis) -> None:
    """Bull Board writes no audit trail: nobody is accused."""
    job_id = enqueue_user("7")
    pause_queue(queue, by="ada", at=utc_now())
    resume_queue(queue, by="ada", at=utc_now())
    queue.pause()

    (paused,) = reasons(queue, job_id)

    assert (paused.kind, paused.by) == (Kind.PAUSED, None)


def test_a_retry_says_which_attempt_of_how_many_and_why(queue: Queue, listener: Redis) -> None:
    """The next attempt's number, its time an hour ahead, the error of the one before."""
    job_id = inject(queue, listener, {Kind.RETRY})

    (reason,) = reasons(queue, job_id)

    assert (reason.numbers["attempt"], reason.numbers["of"], reason.numbers["error"]) == (2, 4, "HTTP 500")
    assert timedelta(minutes=59) < reason.numbers["until"] - from_ms(queue.now_ms()) <= timedelta(hours=1)


def test_a_parked_job_says_for_which_budget(queue: Queue, listener: Redis) -> None:
    """And that it costs no attempt: the next is still the first."""
    job_id = inject(queue, listener, {Kind.PARKED})

    (reason,) = reasons(queue, job_id)

    assert reason.numbers["for"] == "1 of 2 wait for Amazon, first for getOrders (budget spent)"
    assert reason.numbers["attempt"] == 1


def test_the_estimate_is_of_measured_jobs_or_none(queue: Queue, listener: Redis) -> None:
    """3 places taken by 3 running jobs, 8 ahead: 9 turns of a third of the mean 600 ms are 1.8 s."""
    claim(queue, 3)
    enqueue_users([str(number) for number in range(8)])
    job_id = enqueue_user("7")
    few = reasons(queue, job_id)[-1]
    with db.session() as session:
        for number in range(20):
            session.add(completed(number, 500 if number % 2 else 700))

    enough = reasons(queue, job_id)[-1]

    assert (few.numbers["ahead"], few.numbers["estimateS"]) == (8, None)
    assert "0 jobs of this queue were measured" in few.text
    assert (enough.numbers["ahead"], enough.numbers["estimateS"], enough.numbers["measuredJobs"]) == (8, 1.8, 20)


def test_a_prioritized_job_comes_after_all_that_wait(queue: Queue, listener: Redis) -> None:
    """CONTRACTS C20: 2 waiting and one of a better priority are 3 ahead."""
    enqueue_users(["1", "2"])
    queue.add(PROCESS_USER_DATA.name, DATA, priority=1)
    job_id = queue.add(PROCESS_USER_DATA.name, DATA, priority=5)

    (reason,) = reasons(queue, job_id)

    assert reason.numbers["ahead"] == 3


def test_what_runs_has_ended_or_was_removed_says_so(queue: Queue, listener: Redis) -> None:
    """With the worker, the end's status, and that nobody's is found."""
    claim(queue, 1)
    (running,) = queue.get_jobs(["active"])
    removed = enqueue_user("7")
    queue.remove(removed)

    assert [(reason.kind, reason.numbers["worker"]) for reason in reasons(queue, running.id)] == [(Kind.RUNNING, "w1")]
    assert [reason.kind for reason in reasons(queue, removed)] == [Kind.REMOVED]
    queue.redis.delete(queue.keys.lock(running.id))
    assert [reason.kind for reason in reasons(queue, running.id)] == [Kind.STALLED]
    with pytest.raises(JobNotFound):
        reasons(queue, "no-such")


def completed(number: int, took_ms: int) -> JobStatus:
    """A job of the main queue that took so long."""
    at = utc_now()
    return JobStatus(
        queue=USER_UPDATES,
        job_id=f"done-{number}",
        added_ms=number,
        name=PROCESS_USER_DATA.name,
        opts={},
        attempts=1,
        status="completed",
        queued_at=at,
        ended_at=at,
        settled_at=at,
        duration_ms=took_ms,
    )
