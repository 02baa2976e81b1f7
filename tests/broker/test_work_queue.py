"""The queue between claims and threads: nothing put is left lying while a thread waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty

import pytest

from app.broker.message import JobMessage
from app.broker.recorder import Claim
from app.broker.work_queue import WorkQueue
from tests.servers import wait_for

LAST = "last"


def message(job_id: str) -> JobMessage:
    """The claimed job of that id."""
    claim = Claim("q", job_id, 0, "run", {}, "w", 0, 1, 1, 0, None, {})
    return JobMessage(claim, None, "w:1")


def batch(ids: Iterable[int]) -> list[tuple[int, JobMessage]]:
    """Messages of these ids, of one priority."""
    return [(0, message(str(number))) for number in ids]


def nothing() -> None:
    """Done when the queue is drained, where a test does not ask."""


@pytest.fixture
def takers() -> Iterator[Callable[[WorkQueue, Callable[[str], None], int], None]]:
    """Starts threads that take messages until they get the last one."""
    started: list[tuple[WorkQueue, list[threading.Thread]]] = []

    def start(queue: WorkQueue, run: Callable[[str], None], count: int) -> None:
        def take() -> None:
            while (job_id := queue.get().message.message_id) != LAST:
                run(job_id)

        threads = [threading.Thread(target=take, daemon=True) for _ in range(count)]
        started.append((queue, threads))
        for thread in threads:
            thread.start()

    yield start
    for queue, threads in started:
        queue.put_batch((0, message(LAST)) for _ in threads)
        for thread in threads:
            thread.join(timeout=10)


def test_every_message_of_many_batches_is_taken(takers: Callable[..., None]) -> None:
    """A batch wakes one thread; the threads wake each other for the rest."""
    queue = WorkQueue(nothing)
    taken: list[str] = []
    takers(queue, taken.append, 4)

    for first in range(0, 1_000, 5):
        queue.put_batch(batch(range(first, first + 5)))

    wait_for(lambda: len(taken) == 1_000, "all messages to be taken")
    assert sorted(map(int, taken)) == list(range(1_000))


def test_a_thread_that_blocks_has_woken_its_successor(takers: Callable[..., None]) -> None:
    """Four messages that wait for each other run at once on four threads: one wake-up is handed on."""
    queue, together = WorkQueue(nothing), threading.Barrier(5)
    takers(queue, lambda _: together.wait(timeout=10), 4)

    queue.put_batch(batch(range(4)))

    together.wait(timeout=10)
    assert not queue.has_work()


def test_the_thread_that_has_waited_least_is_woken(takers: Callable[..., None]) -> None:
    """One message at a time, for many threads: a few of them, whose memory is at hand, do it all."""
    queue = WorkQueue(nothing)
    busy: list[str] = []
    takers(queue, lambda _: busy.append(threading.current_thread().name), 16)

    def is_taken() -> bool:
        return len(busy) > number

    for number in range(100):
        queue.put_batch(batch([number]))
        wait_for(is_taken, "the message to be taken")

    assert len(set(busy)) <= 8


def test_messages_come_by_priority_then_in_the_order_of_their_claims() -> None:
    """A lower number is sooner, as everywhere."""
    queue = WorkQueue(nothing)

    queue.put_batch([(5, message("late")), (0, message("first")), (0, message("second"))])

    assert [queue.get().message.message_id for _ in range(3)] == ["first", "second", "late"]


def test_whoever_takes_the_last_message_says_so() -> None:
    """What waits for a batch to be worth its while must not wait for a job that takes long."""
    drained: list[bool] = []
    queue = WorkQueue(lambda: drained.append(queue.has_work()))
    queue.put_batch(batch(range(2)))

    queue.get()
    before = list(drained)
    queue.get()

    assert (before, drained) == ([], [False])


def test_an_empty_queue_is_waited_for_no_longer_than_asked() -> None:
    """As the stock queue does."""
    with pytest.raises(Empty):
        WorkQueue(nothing).get(timeout=0.01)
    with pytest.raises(Empty):
        WorkQueue(nothing).get_nowait()
