"""A worker's own word in SQL, and what comes of its job when Redis forgets it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from dramatiq import Worker as DramatiqWorker
from redis import Redis
from sqlalchemy import select

from app import db
from app.broker.queue import Queue
from app.clock import from_ms
from app.jobs.actor import actor
from app.jobs.catalog import PROCESS_USER_DATA
from app.jobs.engine import broker
from app.jobs.enqueue import new_job
from app.jobs.payloads import ProcessUserData
from app.jobs.presence import Presence
from app.jobs.user_updates import enqueue_user
from app.models.job_status import Status
from app.models.worker import Worker
from producer.reconcile import Reconciler
from tests.ledger.rows import only_row
from tests.servers import wait_for


def known() -> Sequence[str]:
    """The names of the workers that say they live."""
    with db.reading() as session:
        return session.scalars(select(Worker.name)).all()


def test_a_job_runs_once_through_a_loss(queue: Queue, redis: Redis) -> None:
    """Redis is emptied under a running job: it is not started again, and its end stands in its row."""
    go = threading.Event()
    runs: list[str] = []

    def body(user_id: str, **_: object) -> str:
        runs.append(user_id)
        go.wait()
        return "done"

    actor(PROCESS_USER_DATA)(body)
    broker().add_middleware(Presence(every_s=0.05))
    reconcile = Reconciler(broker(), lost=lambda: None)
    reconcile(from_ms(queue.now_ms()))
    working = DramatiqWorker(broker(), queues={"user-updates"}, worker_threads=3, worker_timeout=50)
    working.start()
    try:
        wait_for(lambda: list(known()) == [broker().engine.worker_name], "the worker's word")
        job_id = enqueue_user("7")
        wait_for(lambda: bool(runs), "the run to begin")
        redis.flushall()
        reconcile(from_ms(queue.now_ms()))
        go.set()
        wait_for(lambda: only_row().settled_at is not None, "the end")
        reconcile(from_ms(queue.now_ms()))
    finally:
        go.set()
        working.stop()

    row = only_row()
    assert runs == ["7"]
    assert (row.job_id, row.status, row.return_value) == (job_id, Status.COMPLETED, "done")
    assert queue.get_job(job_id) is None


def test_a_zombies_end_after_the_loss_is_settled_from_its_row(queue: Queue, redis: Redis) -> None:
    """The job was added again while it ran: its second claim finds the row ended, and runs nothing."""
    go = threading.Event()
    runs: list[str] = []

    def body(user_id: str, **_: object) -> str:
        runs.append(user_id)
        go.wait()
        return "done"

    actor(PROCESS_USER_DATA)(body)
    job = new_job(PROCESS_USER_DATA, ProcessUserData(user_id="7"), job_id="a")
    queue.add_bulk([job])
    working = DramatiqWorker(broker(), queues={"user-updates"}, worker_threads=3, worker_timeout=50)
    working.start()
    try:
        wait_for(lambda: bool(runs), "the run to begin")
        redis.flushall()
        queue.pause()
        queue.add_recorded([job])
        go.set()
        wait_for(lambda: only_row().ended_at is not None, "the zombie's end in its row")
        wait_for(lambda: broker().engine.admission._unsettled == 0, "its end in Redis to be tried")
        settled_by_zombie = only_row().settled_at is not None
        queue.resume()
        wait_for(lambda: queue.job_state("a") == "completed", "the job to be settled")
    finally:
        go.set()
        working.stop()

    ended = queue.get_job("a")
    assert (runs, settled_by_zombie) == (["7"], False)
    assert ended is not None
    assert ended.return_value == "done"


def test_a_worker_that_ends_in_order_is_not_waited_for(queue: Queue) -> None:
    """Its name goes with it."""
    actor(PROCESS_USER_DATA)(lambda **_: None)
    broker().add_middleware(Presence(every_s=0.05))
    working = DramatiqWorker(broker(), queues={"user-updates"}, worker_threads=3, worker_timeout=50)

    working.start()
    wait_for(lambda: len(known()) == 1, "the worker's word")
    working.stop()

    assert list(known()) == []
