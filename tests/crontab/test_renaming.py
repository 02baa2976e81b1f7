"""A queue gets another name, and nothing of it is lost, whenever the renaming is killed."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from dramatiq import Worker
from sqlalchemy import Engine

from app import db
from app.broker.broker import BullMQBroker
from app.broker.errors import QueueNotFound
from app.broker.flow import Flow, FlowProducer
from app.broker.queue import Queue
from app.broker.renaming import NotRenamed
from app.broker.schedulers import Repeat
from app.clock import utc_now
from app.crontab.renaming import rename_queue
from app.jobs.actor import actor
from app.jobs.catalog import NO_OP, USER_UPDATES
from app.jobs.engine import broker
from app.ledger.settings import settings_by_queue
from app.ledger.workers import seen
from tests.jobs import conftest as jobs
from tests.ledger.rows import all_rows
from tests.servers import wait_for

queue = jobs.queue
OLD = "old-updates"
KILLED = """
import os, signal
from app.broker import renaming as in_redis
from app.clock import utc_now
from app.crontab import renaming
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
{step} = die
renaming.rename_queue("old-updates", "user-updates", by="toril", at=utc_now(), wait_s=1)
"""


@pytest.fixture
def old(queue: Queue) -> Queue:
    """A job in each state but active, and a scheduler; all with rows, but the scheduler's."""
    old = broker().queue(OLD)
    old.add("no_op", {}, job_id="waits")
    old.add("no_op", {}, job_id="first", priority=2)
    old.add("no_op", {}, job_id="later", delay_ms=3_600_000)
    for job_id, state in (("done", "completed"), ("dead", "failed")):
        old.add("no_op", {}, job_id=job_id)
        old.redis.lrem(old.keys["wait"], 1, job_id)
        old.redis.zadd(old.keys[state], {job_id: old.now_ms()})
        old.redis.hset(old.keys[job_id], "finishedOn", old.now_ms())
    old.upsert_job_scheduler("nightly", Repeat(pattern="0 3 * * *"), name="no_op")
    old.get_job("waits").log("a line")  # type: ignore[union-attr]  # it was just added
    return old


def rename(new: str = USER_UPDATES, old: str = OLD) -> tuple[int, int]:
    """As the command does."""
    return rename_queue(old, new, by="toril", at=utc_now(), wait_s=0.1)


def assert_moved(queue: Queue) -> None:
    """Every job is where it was, under the other name, and so is its row; nothing is under the old one."""
    counts = queue.get_job_counts()
    assert counts | {"active": 0, "waiting-children": 0} == counts
    assert (counts["waiting"], counts["prioritized"], counts["delayed"]) == (1, 1, 2)
    assert (counts["completed"], counts["failed"]) == (1, 1)
    assert queue.get_logs("waits") == ["a line"]
    assert [scheduler.id for scheduler in queue.get_job_schedulers()] == ["nightly"]
    assert not queue.is_paused()
    assert {row.queue for row in all_rows()} == {USER_UPDATES}
    assert not list(queue.redis.scan_iter(match=f"{broker().prefix}:{OLD}:*"))


def test_every_state_moves_and_its_jobs_run(old: Queue, queue: Queue) -> None:
    """Under their rows: the job that waited completes, and the one before it by priority comes second."""
    keys, rows = rename()

    assert_moved(queue)
    assert (rows, keys > 10) == (5, True)
    actor(NO_OP)(lambda: None)
    worker = Worker(broker(), queues={USER_UPDATES}, worker_threads=3, worker_timeout=50)
    worker.start()
    try:
        wait_for(lambda: sum(row.status == "completed" for row in all_rows()) == 2, "the two that waited to end")
    finally:
        worker.stop()
    assert {row.job_id for row in all_rows() if row.status == "completed"} == {"waits", "first"}


@pytest.mark.parametrize("step", ["in_redis.rename", "renaming._move_rows"])
def test_killed_at_a_step_it_goes_on_when_it_is_said_again(old: Queue, queue: Queue, step: str) -> None:
    """``kill -9`` before the keys move, and between the keys and the rows."""
    killed = subprocess.run([sys.executable, "-c", KILLED.format(step=step)], check=False, capture_output=True)

    assert killed.returncode == -9, killed.stderr
    rename()
    assert_moved(queue)


def test_what_was_paused_stays_paused_and_the_limits_of_the_new_name_hold(old: Queue, queue: Queue) -> None:
    """A start has set the new queue's limit before; the old one was paused by hand."""
    queue.set_rate_limit(10, 60_000)
    old.set_rate_limit(99, 60_000)
    old.pause()

    rename()

    with db.reading() as session:
        kept = settings_by_queue(session.connection())
    assert queue.is_paused()
    assert queue.get_job_counts()["waiting"] == 1
    assert queue.redis.hget(queue.keys["meta"], "max") == "10"
    assert kept == {USER_UPDATES: {"rate": {"max": 10, "duration": 60_000}, "paused": True}}


def test_an_old_name_with_a_colon_is_a_queue_like_any_other(queue: Queue, database: Engine) -> None:
    """As Node's producers made it before BullMQ 6: without rows."""
    plain = BullMQBroker(broker().url, prefix=broker().prefix).queue("plain")
    plain.add("no_op", {}, job_id="1")
    for key in list(queue.redis.scan_iter(match=f"{plain.keys.base}*")):
        queue.redis.rename(key, key.replace(":plain:", ":user:updates:"))

    assert rename(old="user:updates")[1] == 0

    assert queue.job_state("1") == "waiting"


def test_what_could_lose_something_is_refused_and_nothing_moves(old: Queue, queue: Queue) -> None:
    """A new name without actors, one that has jobs, flows, running jobs, living workers, a name that is none."""
    with pytest.raises(QueueNotFound):
        rename("nothing")
    with pytest.raises(NotRenamed, match="no queue 'absent'"):
        rename(old="absent")
    old.redis.lpush(old.keys["active"], "9")
    with pytest.raises(NotRenamed, match="run: stop its workers"):
        rename()
    old.redis.delete(old.keys["active"])
    queue.add("no_op", {}, job_id="mine")
    with pytest.raises(NotRenamed, match="has jobs of its own"):
        rename()
    flow = FlowProducer(broker()).add(Flow("no_op", OLD, children=[Flow("no_op", "cron-jobs")]))
    with pytest.raises(NotRenamed, match=f"job '{flow}' of queue 'old-updates' belongs to a flow"):
        rename()
    with db.session() as session:
        seen(session.connection(), "w1", utc_now() + timedelta(seconds=1))
    with pytest.raises(NotRenamed, match="w1 ran a moment ago"):
        rename()

    assert old.get_job_counts()["delayed"] == 2
    assert sum(row.queue == OLD for row in all_rows()) == 6
