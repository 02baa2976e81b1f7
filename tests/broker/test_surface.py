"""Everything that can be done with queues and jobs from outside of an actor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from dramatiq import Worker

from app.broker.broker import BullMQBroker
from app.broker.current import current_job
from app.broker.engine import Engine
from app.broker.errors import BrokerError, JobFailed, WrongState
from app.broker.events import QueueEvents
from app.broker.flow import Flow, FlowProducer
from app.broker.interrupts import Interrupts
from app.broker.job import Job
from app.broker.queue import Queue
from app.broker.results import JobResults
from tests.broker.test_runs import actor, ended

Working = Callable[..., AbstractContextManager[Worker]]


@pytest.fixture
def queue(broker: BullMQBroker) -> Queue:
    """The queue that the actors listen on."""
    broker.declare_queue("mail")
    return broker.queue("mail")


def get(queue: Queue, job_id: str) -> Job:
    """The job, which must exist."""
    job = queue.get_job(job_id)
    assert job is not None
    return job


def test_jobs_are_listed_by_state_newest_first(queue: Queue) -> None:
    """Or oldest first on request, in pages."""
    ids = [queue.add("noop", {}) for _ in range(5)]
    queue.add("noop", {}, job_id="later", delay_ms=60_000)

    newest = [job.id for job in queue.get_jobs(["waiting"])]
    oldest = [job.id for job in queue.get_jobs(["waiting"], 0, 1, asc=True)]

    assert newest == ids[::-1]
    assert oldest == ids[:2]
    assert [job.id for job in queue.get_jobs(["delayed"])] == ["later"]
    assert queue.count() == 6


def test_drain_leaves_delayed_jobs_unless_told_otherwise(queue: Queue) -> None:
    """Both forms of BullMQ's drain."""
    queue.add("noop", {})
    queue.add("noop", {}, priority=3)
    queue.add("noop", {}, delay_ms=60_000)

    queue.drain()
    left = queue.get_job_counts()
    queue.drain(delayed=True)

    assert (left["waiting"], left["prioritized"], left["delayed"]) == (0, 0, 1)
    assert queue.count() == 0


def test_clean_removes_what_is_older_than_the_grace(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """And not more than the limit."""
    actor(broker, "noop", lambda: None)
    with working():
        for job_id in [queue.add("noop", {}) for _ in range(5)]:
            ended(queue, job_id)

    young = queue.clean(60_000)
    limited = queue.clean(-1_000, limit=2)
    rest = queue.clean(-1_000)

    assert (len(young), len(limited), len(rest)) == (0, 2, 3)


def test_obliterate_leaves_no_key(queue: Queue) -> None:
    """Nothing of the queue remains in Redis."""
    queue.add("noop", {})
    queue.add("noop", {}, priority=2)
    queue.add("noop", {}, delay_ms=60_000)

    queue.obliterate()

    assert list(queue.redis.scan_iter("test:mail:*")) == []


def test_failed_jobs_are_retried_one_or_all(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """By hand, from the first attempt."""
    broken = [True]

    def fragile() -> str:
        if broken[0]:
            raise RuntimeError("broken")
        return "mended"

    actor(broker, "fragile", fragile)
    with working():
        ids = [queue.add("fragile", {}) for _ in range(3)]
        for job_id in ids:
            ended(queue, job_id, "failed")
        broken[0] = False
        get(queue, ids[0]).retry()
        first = ended(queue, ids[0])
        queue.retry_jobs()
        rest = [ended(queue, job_id) for job_id in ids[1:]]

    assert {job.return_value for job in [first, *rest]} == {"mended"}
    assert first.attempts_made == 1
    assert first.failed_reason is None


def test_only_an_ended_job_can_be_retried(queue: Queue) -> None:
    """The error says where it is, and where it would have to be."""
    job = get(queue, queue.add("noop", {}))

    with pytest.raises(WrongState, match="is waiting; it must be failed or completed"):
        job.retry()


def test_delayed_jobs_are_promoted_and_moved(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """One, all, or to another time."""
    actor(broker, "noop", lambda: None)
    ids = [queue.add("noop", {}, delay_ms=60_000) for _ in range(4)]
    get(queue, ids[0]).promote()
    get(queue, ids[1]).change_delay(1)

    with working():
        ended(queue, ids[0])
        ended(queue, ids[1])
        queue.promote_jobs()
        for job_id in ids[2:]:
            ended(queue, job_id)

    with pytest.raises(WrongState, match="is completed; it must be delayed"):
        get(queue, ids[0]).promote()


def test_a_waiting_job_changes_its_priority(queue: Queue) -> None:
    """From the list to the ordered set and back."""
    job = get(queue, queue.add("noop", {}))

    job.change_priority(7)
    prioritized = job.state()
    job.change_priority(0)

    assert (prioritized, job.state()) == ("prioritized", "waiting")


def test_global_concurrency_is_never_exceeded(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """One at a time although the process could run two; and the limit wakes nobody in vain."""
    seen: list[int] = []
    actor(broker, "look", lambda: seen.append(queue.get_job_counts()["active"]))
    queue.set_global_concurrency(1)

    with working():
        for job_id in [queue.add("look", {}) for _ in range(10)]:
            ended(queue, job_id)

    assert set(seen) == {1}
    with pytest.raises(ValueError, match="pause it"):
        queue.set_global_concurrency(0)


def test_a_rate_limit_holds_jobs_back(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Six jobs at two per 200 ms need at least two more windows; none loses an attempt."""
    actor(broker, "noop", lambda: None)
    queue.set_rate_limit(2, 200)

    with working():
        jobs = [ended(queue, job_id) for job_id in [queue.add("noop", {}) for _ in range(6)]]

    started = sorted(job.processed_on or 0 for job in jobs)
    assert started[-1] - started[0] >= 2 * 200 - 20
    assert {job.attempts_made for job in jobs} == {1}


@pytest.mark.parametrize(
    ("deduplication", "ids"),
    [
        ({"id": "u7"}, ["a"]),
        ({"id": "u7", "ttl": 60_000}, ["a"]),
        ({"id": "u7", "ttl": 60_000, "extend": True, "replace": True}, ["b"]),
    ],
)
def test_deduplication_keeps_one_of_two(queue: Queue, deduplication: dict[str, object], ids: list[str]) -> None:
    """Simple, throttle and debounce, as BullMQ's."""
    for job_id in ("a", "b"):
        queue.add("noop", {}, job_id=job_id, delay_ms=60_000, deduplication=deduplication)

    assert [job.id for job in queue.get_jobs(["delayed"])] == ids


def test_keep_last_if_active_runs_the_newest_once_more(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """While one runs, only the last of those that come is kept, and runs after it."""
    ran: list[int] = []

    def refresh(n: int) -> None:
        ran.append(n)
        if n == 0:
            for later in (1, 2, 3):
                queue.add("refresh", {"n": later}, deduplication={"id": "u7", "keepLastIfActive": True})

    actor(broker, "refresh", refresh)
    with working():
        first = queue.add("refresh", {"n": 0}, deduplication={"id": "u7", "keepLastIfActive": True})
        ended(queue, first)
        events = QueueEvents(queue, "0-0")
        while len([event for event in events.read() if event.name == "completed"]) < 2:
            events = QueueEvents(queue, "0-0")

    assert ran == [0, 3]


def test_events_tell_the_life_of_a_job(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """In order: added, waiting, active, progress, completed with the value."""

    def step() -> str:
        current_job().update_progress({"done": 1})
        return "value"

    actor(broker, "step", step)
    events = QueueEvents(queue)

    with working():
        job_id = queue.add("step", {})
        ended(queue, job_id)

    life = [event for event in events.read() if event.job_id == job_id]
    assert [event.name for event in life] == ["added", "waiting", "active", "progress", "completed"]
    assert life[3].fields["data"] == {"done": 1}
    assert life[4].fields["returnvalue"] == "value"


def test_waiting_for_a_job_gives_its_value_or_its_reason(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Whether it ends before or after somebody waits."""

    def fail() -> None:
        raise RuntimeError("broken")

    actor(broker, "value", lambda: 42)
    actor(broker, "fail", fail)
    with working():
        value = get(queue, queue.add("value", {}))
        failing = get(queue, queue.add("fail", {}))

        assert [value.wait_until_finished(10) for _ in range(2)] == [42, 42]
        with pytest.raises(JobFailed, match="broken"):
            failing.wait_until_finished(10)

    with pytest.raises(TimeoutError):
        get(queue, queue.add("value", {})).wait_until_finished(0.05)


def test_a_job_that_failed_before_it_completed_gives_its_value(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """Its earlier reason still stands in the job, as Node leaves it; the outcome is the last run's."""

    def fragile() -> str:
        if current_job().claim.attempt == 1:
            raise RuntimeError("broken")
        return "mended"

    actor(broker, "fragile", fragile)
    message = broker.get_actor("fragile").message_with_options(min_backoff=1)
    with working():
        job = get(queue, queue.add("fragile", {}, attempts=2))
        value = job.wait_until_finished(10)
        result = broker.enqueue(message).get_result(backend=JobResults(broker), block=True)

    assert (value, result) == ("mended", "mended")
    assert get(queue, job.id).failed_reason == "broken"


def test_a_parent_runs_after_its_children_with_their_values(
    broker: BullMQBroker, queue: Queue, working: Working
) -> None:
    """Across queues; the parent reads what each child returned."""
    actor(broker, "double", lambda n: n * 2)

    def total() -> int:
        job = queue.get_job(current_job().id)
        assert job is not None
        return sum(job.children_values().values())

    actor(broker, "total", total)
    flow = Flow("total", "mail", children=[Flow("double", "mail", {"n": n}) for n in (1, 2, 3)])

    root = FlowProducer(broker).add(flow)
    before = queue.job_state(root)
    with working():
        job = ended(queue, root)

    assert before == "waiting-children"
    assert job.return_value == 12


@pytest.mark.parametrize(
    ("policy", "state"),
    [
        ({"failParentOnFailure": True}, "failed"),
        ({"ignoreDependencyOnFailure": True}, "completed"),
        ({"removeDependencyOnFailure": True}, "completed"),
    ],
)
def test_a_childs_failure_means_what_its_policy_says(
    broker: BullMQBroker, queue: Queue, working: Working, policy: dict[str, bool], state: str
) -> None:
    """The parent fails with it, does without it, or forgets it."""

    def fail() -> None:
        raise RuntimeError("broken")

    actor(broker, "fail", fail)
    actor(broker, "parent", lambda: "ran")
    flow = Flow("parent", "mail", children=[Flow("fail", "mail", options={"opts": policy})])

    with working():
        job = ended(queue, FlowProducer(broker).add(flow), state)

    assert job.return_value == ("ran" if state == "completed" else None)


def test_a_flow_is_added_whole_or_not_at_all(queue: Queue, broker: BullMQBroker) -> None:
    """A queue name with a colon deep in the tree leaves nothing behind."""
    flow = Flow("parent", "mail", children=[Flow("child", "mail"), Flow("child", "ma:il")])

    with pytest.raises(ValueError, match="colon"):
        FlowProducer(broker).add(flow)

    assert queue.count() == 0


def test_a_job_that_runs_has_no_outcome_yet(queue: Queue) -> None:
    """Asking is an error, not a None that looks like a value."""
    with pytest.raises(BrokerError, match="not ended"):
        get(queue, queue.add("noop", {})).outcome()


@pytest.mark.parametrize("options", [{}, {"priority": 3}, {"delay_ms": 60_000}])
def test_a_waiting_job_is_cancelled_for_good(queue: Queue, options: dict[str, int]) -> None:
    """It has failed with the reason at once, without any worker."""
    job = get(queue, queue.add("noop", {}, attempts=5, **options))  # type: ignore[arg-type]  # each value fits its option

    job.cancel("the user has left")

    cancelled = get(queue, job.id)
    assert (cancelled.state(), cancelled.failed_reason) == ("failed", "the user has left")
    assert queue.get_job_counts()["active"] == 0


def test_a_running_job_is_cancelled_from_outside(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """Whatever attempts are left; its thread goes on with the next job."""
    started = threading.Event()

    def spin() -> None:
        started.set()
        while True:
            threading.Event().wait(0.001)

    actor(broker, "spin", spin)
    actor(broker, "noop", lambda: None)
    with working():
        job = get(queue, queue.add("spin", {}, attempts=5))
        started.wait()
        BullMQBroker(broker.url, prefix="test").queue("mail").cancel(job.id, "by hand")
        cancelled = ended(queue, job.id, "failed")
        ended(queue, queue.add("noop", {}))

    assert cancelled.failed_reason == "by hand"


@pytest.mark.parametrize("moment", [(Engine, "deliver"), (Interrupts, "arm")], ids=["claimed", "begun"])
def test_a_job_is_cancelled_that_is_claimed_and_does_not_run_yet(
    broker: BullMQBroker,
    queue: Queue,
    working: Working,
    monkeypatch: pytest.MonkeyPatch,
    moment: tuple[type[Any], str],
) -> None:
    """Redis tells of a claim before the claimer knows of it, and the request may be heard in between."""
    owner, step = moment
    reached, heard = threading.Event(), threading.Event()
    goes_on, hears = getattr(owner, step), Engine.cancel

    def held_up(self: Any, *given: Any) -> None:
        if given[0]:  # an idle claimer delivers nothing
            reached.set()
            heard.wait(10)
        goes_on(self, *given)

    def listens(self: Engine, queue: str, job_id: str, reason: str) -> bool:
        interrupted = hears(self, queue, job_id, reason)
        heard.set()
        return interrupted

    monkeypatch.setattr(owner, step, held_up)
    monkeypatch.setattr(Engine, "cancel", listens)

    def endless() -> None:
        while True:
            threading.Event().wait(0.001)

    actor(broker, "endless", endless)
    with working():
        job = get(queue, queue.add("endless", {}))
        assert reached.wait(10)

        job.cancel("the user has left")

        failed = ended(queue, job.id, "failed")

    assert failed.failed_reason == "the user has left"


def test_an_ended_job_cannot_be_cancelled(broker: BullMQBroker, queue: Queue, working: Working) -> None:
    """What is done is done."""
    actor(broker, "noop", lambda: None)
    with working():
        job = ended(queue, queue.add("noop", {}))

    with pytest.raises(WrongState, match="is completed"):
        job.cancel("too late")
