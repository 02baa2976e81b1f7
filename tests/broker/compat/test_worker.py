"""Joining, flushing, stopping."""

from __future__ import annotations

import threading

import dramatiq
import pytest
from dramatiq.errors import QueueJoinTimeout
from dramatiq.middleware import Shutdown

from app.broker.broker import BullMQBroker
from app.broker.errors import Retry, Unrecoverable
from app.broker.queue import Queue
from tests.broker.compat.conftest import JOIN_MS, Working, declare, failing, serving, unsent
from tests.broker.test_runs import ended


def test_join_waits_for_delayed_jobs_and_gives_up_in_time(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """A queue is empty when nothing of it waits, is delayed or runs."""
    noop = declare("noop", lambda: None)
    noop.send_with_options(delay=200)

    with pytest.raises(QueueJoinTimeout):
        broker.join("default", timeout=50)
    with working():
        broker.join("default", timeout=JOIN_MS)

    assert queue.get_job_counts()["completed"] == 1


def test_flush_leaves_nothing_of_a_queue(broker: BullMQBroker, queue: Queue) -> None:
    """``flush`` of one, ``flush_all`` of every declared one."""
    noop = declare("noop", lambda: None)
    other = declare("other", lambda: None, queue_name="other")
    noop.send()
    other.send_with_options(delay=60_000)

    broker.flush("default")
    counts = queue.count(), broker.queue("other").count()
    broker.flush_all()

    assert counts == (0, 1)
    assert broker.queue("other").count() == 0


def test_a_worker_can_serve_some_queues_only(broker: BullMQBroker, queue: Queue) -> None:
    """Dramatiq's ``--queues``."""
    here = declare("here", lambda: None)
    there = declare("there", lambda: None, queue_name="there")
    here.send()
    there.send()

    with serving(broker, queues={"there"}):
        broker.join("there", timeout=JOIN_MS)

    assert (queue.count(), broker.queue("there").get_job_counts()["completed"]) == (1, 1)


def test_a_run_is_told_of_the_shutdown_and_handed_back(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """``notify_shutdown``: the job waits again, with no attempt used and no failure told."""
    started, told = threading.Event(), threading.Event()
    failures: list[object] = []
    declare("tell", lambda *args: failures.append(args))

    @dramatiq.actor(notify_shutdown=True, on_failure="tell")
    def long() -> None:
        started.set()
        try:
            while True:
                threading.Event().wait(0.01)
        except Shutdown:
            told.set()
            raise

    message = long.send()
    with working():
        assert started.wait(10)

    job = queue.get_job(message.message_id)
    assert told.is_set()
    assert job is not None
    assert (job.state(), job.attempts_made, failures) == ("waiting", 0, [])


def test_what_a_stopped_worker_never_started_waits_again(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Claimed jobs are handed back, uncharged; the running one ends."""
    broker.concurrency["default"] = 1
    started, go = threading.Event(), threading.Event()

    @dramatiq.actor
    def first() -> None:
        started.set()
        go.wait(10)

    ids = [first.send().message_id for _ in range(3)]
    with working():
        assert started.wait(10)
        go.set()

    states = [queue.job_state(job_id) for job_id in ids]
    assert states[0] == "completed"
    assert set(states) <= {"completed", "waiting"}


def test_an_end_of_an_unclaimed_message_is_ignored(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """``nack`` never raises, whatever it is given."""
    foreign = unsent("nobody")

    with working():
        broker.consume("default").nack(foreign)  # type: ignore[arg-type]  # that is the point

    assert queue.count() == 0


def test_an_unrecoverable_error_uses_up_nothing_and_is_not_called_exhausted(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """Ours, beside Dramatiq's ``throws``; our ``Retry`` is one of Dramatiq's, so it is not logged as an error."""

    @dramatiq.actor
    def refuse() -> None:
        raise Unrecoverable("no such account")

    with working():
        job = ended(queue, refuse.send().message_id, "failed")

    assert job.attempts_made == 1
    assert issubclass(Retry, dramatiq.Retry)


def test_a_paused_worker_starts_nothing(
    broker: BullMQBroker, queue: Queue, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``Worker.pause`` is of one process; the queue itself goes on for others."""
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.01)
    monkeypatch.setattr("app.broker.claimer.IDLE_WAIT_S", 0.05)
    runs: list[int] = []
    noop = declare("noop", lambda: runs.append(1))

    with working() as worker:
        worker.pause()
        noop.send()
        paused = queue.is_paused(), list(runs)
        worker.resume()
        broker.join("default", timeout=JOIN_MS)

    assert paused == (False, [])
    assert runs == [1]


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[1]",
        '{"args": 7, "options": [1]}',
        '{"options": {"throws": "ValueError", "eta": "soon", "time_limit": "long", "max_age": {}}}',
        '{"options": {"on_failure": ["x"], "pipe_target": 7, "group_completion_uuid": {}}}',
    ],
)
def test_an_envelope_that_makes_no_sense_harms_no_worker(
    broker: BullMQBroker, queue: Queue, working: Working, content: str
) -> None:
    """A forged job fails by itself; its thread and the jobs behind it run on."""
    failing()
    noop = declare("noop", lambda: None)

    with working(threads=4) as worker:
        job_id = queue.add("fail", {}, opts={"dramatiq": content})
        job = ended(queue, job_id, "failed")
        ended(queue, noop.send().message_id)
        alive = [thread.is_alive() for thread in worker.workers]

    assert job.failed_reason == "broken 1"
    assert all(alive)
