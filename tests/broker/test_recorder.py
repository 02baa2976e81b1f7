"""What the engine tells the record, in which order, and what it does while the record is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
from dramatiq import Worker

from app.broker.admission import MOST_UNSETTLED
from app.broker.broker import BullMQBroker
from app.broker.current import current_job
from app.broker.queue import Queue
from app.broker.recorder import Claim, End, Ended, EndKind, NewJob, RecorderUnavailable, Start, Verdict
from tests.broker.test_runs import actor, ended
from tests.servers import wait_for

Working = Callable[..., AbstractContextManager[Worker]]


class Diary:
    """A record in memory that can be away."""

    def __init__(self) -> None:
        self.away = threading.Event()
        self.lines: list[str] = []
        self.verdict: Callable[[Claim], Verdict] = lambda claim: Start(row=1, run=claim.claims, checkpoint="kept")
        self.owns = True

    def _note(self, event: str, ids: Sequence[str]) -> None:
        if self.away.is_set():
            raise RecorderUnavailable("the record is away")
        self.lines.extend(f"{event} {job_id}" for job_id in ids)

    def before_add(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Promise them, each once."""
        new = [job for job in jobs if f"promised {job.id}" not in self.lines]
        self._note("promised", [job.id for job in new])
        return new

    def added(self, jobs: Sequence[NewJob]) -> None:
        """Confirm them."""
        self._note("added", [job.id for job in jobs])

    def not_added(self, jobs: Sequence[NewJob]) -> None:
        """Another job stands in their place."""
        self._note("superseded", [job.id for job in jobs])

    def claimed(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        """Number the runs."""
        self._note("claimed", [claim.id for claim in claims])
        return [self.verdict(claim) for claim in claims]

    def before_settle(self, ends: Sequence[End], confirmed: Sequence[End] = ()) -> Sequence[bool]:
        """Write the ends."""
        self._note("ended", [f"{end.claim.id} {end.kind}" for end in ends])
        if confirmed:
            self.settled(confirmed)
        return [self.owns for _ in ends]

    def settled(self, ends: Sequence[End]) -> None:
        """Confirm them."""
        self._note("settled", [end.claim.id for end in ends])

    def before_remove(self, queue: str, job_ids: Sequence[str]) -> None:
        """They go on purpose."""
        self._note("removed", job_ids)

    def before_retry(self, queue: str, job_ids: Sequence[str]) -> None:
        """They run again on purpose."""
        self._note("retried", job_ids)

    def before_setting(self, queue: str, name: str, value: Any) -> None:
        """It is set on purpose."""
        self._note(f"set {name}", [str(value)])

    def before_cancel(self, queue: str, job_id: str, reason: str) -> None:
        """It ends on purpose."""
        self._note("cancelled", [job_id])


@pytest.fixture
def diary(broker: BullMQBroker) -> Diary:
    """The broker's record."""
    diary = Diary()
    broker.recorder = diary
    return diary


@pytest.fixture
def queue(broker: BullMQBroker) -> Queue:
    """The queue that the actors listen on."""
    broker.declare_queue("mail")
    return broker.queue("mail")


def test_the_record_is_told_before_each_thing_is_true(
    broker: BullMQBroker, queue: Queue, diary: Diary, working: Working
) -> None:
    """Promised, added, claimed, ended, settled; and the run sees its checkpoint."""
    actor(broker, "look", lambda: getattr(current_job().start, "checkpoint", None))
    queue.add("look", {}, job_id="a")

    with working():
        job = ended(queue, "a")
        wait_for(lambda: len(diary.lines) == 5, "the end to be confirmed")

    assert diary.lines == ["promised a", "added a", "claimed a", "ended a completed", "settled a"]
    assert job.return_value == "kept"


def test_a_promise_made_twice_is_added_once(queue: Queue, diary: Diary) -> None:
    """The record decides, not Redis."""
    added = [queue.add_bulk([queue.new_job("noop", {}, job_id="a")]) for _ in range(2)]

    assert added == [["a"], []]


def test_a_job_whose_id_is_taken_ends_as_superseded(queue: Queue, diary: Diary) -> None:
    """Redis leaves the first one as it is, and so the second promise must not wait for ever."""
    first = queue.new_job("noop", {"n": 1}, job_id="a")
    second = queue.new_job("noop", {"n": 2}, job_id="a")
    queue.add_bulk([first])
    diary.lines.clear()

    added = queue.add_bulk([replace(second, added_ms=first.added_ms + 1)])

    assert added == []
    assert diary.lines == ["promised a", "superseded a"]


def test_a_deduplicated_job_ends_as_superseded(queue: Queue, diary: Diary) -> None:
    """The one that stands is in its place."""
    for job_id in ("a", "b"):
        queue.add("noop", {}, job_id=job_id, deduplication={"id": "u7"})

    assert diary.lines == ["promised a", "added a", "promised b", "superseded b"]


def test_nothing_is_added_while_the_record_is_away(queue: Queue, diary: Diary) -> None:
    """The caller is told."""
    diary.away.set()

    with pytest.raises(RecorderUnavailable):
        queue.add("noop", {})

    assert queue.count() == 0


def test_what_the_record_says_has_ended_is_settled_and_not_run(
    broker: BullMQBroker, queue: Queue, diary: Diary, working: Working
) -> None:
    """A finish that never reached Redis, or a cancelled job."""
    ran = threading.Event()
    actor(broker, "noop", ran.set)
    diary.verdict = lambda claim: (
        Ended(EndKind.COMPLETED, return_value=7) if claim.id == "done" else Ended(EndKind.FAILED, reason="cancelled")
    )

    with working():
        done = ended(queue, queue.add("noop", {}, job_id="done"))
        failed = ended(queue, queue.add("noop", {}, job_id="cancelled"), "failed")

    assert (done.return_value, failed.failed_reason) == (7, "cancelled")
    assert not ran.is_set()


def test_a_run_that_lost_its_job_leaves_it_alone(
    broker: BullMQBroker, queue: Queue, diary: Diary, working: Working
) -> None:
    """Somebody else runs it: this end is dropped, in Redis too."""
    diary.owns = False
    actor(broker, "noop", lambda: None)

    with working():
        job_id = queue.add("noop", {})
        wait_for(lambda: f"ended {job_id} completed" in diary.lines, "the run to end")
        state = queue.job_state(job_id)

    assert state == "active"
    assert f"settled {job_id}" not in diary.lines


def test_ends_wait_for_the_record_and_claims_stop(
    broker: BullMQBroker, queue: Queue, diary: Diary, working: Working
) -> None:
    """Nothing is falsely failed, nothing runs twice, and it goes on by itself."""
    started = threading.Event()
    go = threading.Event()
    runs: list[int] = []

    def hold(n: int) -> None:
        runs.append(n)
        started.set()
        go.wait()

    actor(broker, "hold", hold)
    with working():
        ids = [queue.add("hold", {"n": n}) for n in range(20)]
        started.wait()
        diary.away.set()
        go.set()
        wait_for(lambda: queue.get_job_counts()["active"] >= 2, "claims while the record is away")
        while_away = queue.get_job_counts()
        diary.away.clear()
        for job_id in ids:
            ended(queue, job_id)

    assert (while_away["completed"], while_away["failed"]) == (0, 0)
    assert sorted(runs) == list(range(20))


def test_a_process_never_has_more_unsettled_ends_than_it_may(
    broker: BullMQBroker, queue: Queue, diary: Diary, working: Working
) -> None:
    """While the record takes claims but no ends, the process stops claiming at its limit."""
    no_ends = threading.Event()
    before_settle = diary.before_settle

    def away(ends: Sequence[End], confirmed: Sequence[End] = ()) -> Sequence[bool]:
        if no_ends.is_set():
            raise RecorderUnavailable("no ends now")
        return before_settle(ends, confirmed)

    diary.before_settle = away  # type: ignore[method-assign]  # the record is away for one of its methods
    actor(broker, "noop", lambda: None)
    queue.add_bulk([queue.new_job("noop", {}, job_id=f"j{n}") for n in range(MOST_UNSETTLED + 200)])
    no_ends.set()

    with working():
        wait_for(lambda: queue.get_job_counts()["active"] >= MOST_UNSETTLED, "the limit to be reached")
        most = queue.get_job_counts()["active"]
        no_ends.clear()
        wait_for(lambda: queue.get_job_counts()["completed"] == MOST_UNSETTLED + 200, "all to complete")

    assert most <= MOST_UNSETTLED + broker.concurrency["mail"]


def test_purposeful_removals_and_retries_reach_the_record_first(
    broker: BullMQBroker, queue: Queue, diary: Diary, working: Working
) -> None:
    """Remove, drain, cancel and retry: or the reconciler would undo them."""
    actor(broker, "noop", lambda: None)
    queue.add("noop", {}, job_id="removed")
    queue.remove("removed")
    queue.add("noop", {}, job_id="drained")
    queue.drain()
    queue.add("noop", {}, job_id="cancelled")
    queue.cancel("cancelled", "by hand")
    with working():
        job = ended(queue, queue.add("noop", {}, job_id="again"))
        job.retry()
        wait_for(lambda: diary.lines.count("settled again") == 2, "the second run")

    purposeful = [line for line in diary.lines if line.split()[0] in ("removed", "retried", "cancelled")]
    assert purposeful == ["removed removed", "removed drained", "cancelled cancelled", "retried again"]
