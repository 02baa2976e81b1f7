"""The queue between claims and threads: nothing put is left lying while a thread waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty

import pytest

from app.broker.work_queue import WorkQueue
from tests.servers import wait_for


@dataclass
class Message:
    """As much of a claimed job as the queue looks at."""

    more_follow: bool = False


@dataclass(order=True)
class Item:
    """As Dramatiq wraps a message."""

    priority: int
    message: Message = field(default_factory=Message, compare=False)


@pytest.fixture
def takers() -> Callable[[WorkQueue, Callable[[int], None], int], None]:
    """Starts threads that take items until they get a negative one."""

    def start(queue: WorkQueue, run: Callable[[int], None], count: int) -> None:
        def take() -> None:
            while (item := queue.get()).priority >= 0:
                run(item.priority)

        for _ in range(count):
            threading.Thread(target=take, daemon=True).start()

    return start


def test_every_item_of_many_batches_is_taken(takers: Callable[..., None]) -> None:
    """Only the last of a batch wakes a thread; the threads wake each other for the rest."""
    queue = WorkQueue()
    taken: list[int] = []
    takers(queue, taken.append, 4)

    for batch in range(200):
        for n in range(5):
            queue.put(Item(batch * 5 + n, Message(more_follow=n < 4)))

    wait_for(lambda: len(taken) == 1_000, "all items to be taken")
    assert sorted(taken) == list(range(1_000))


def test_a_thread_that_blocks_has_woken_its_successor(takers: Callable[..., None]) -> None:
    """Four items that wait for each other run at once on four threads: one wake-up is handed on."""
    queue, together = WorkQueue(), threading.Barrier(5)
    takers(queue, lambda _: together.wait(timeout=10), 4)

    for n in range(4):
        queue.put(Item(n, Message(more_follow=n < 3)))

    together.wait(timeout=10)
    assert queue.qsize() == 0


def test_an_empty_queue_is_waited_for_no_longer_than_asked() -> None:
    """As the stock queue does."""
    with pytest.raises(Empty):
        WorkQueue().get(timeout=0.01)
    with pytest.raises(Empty):
        WorkQueue().get_nowait()
