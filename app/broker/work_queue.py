"""Dramatiq's queue of claimed messages, filled a batch at a time, waking no more threads than there is work for.

The stock queue wakes one waiting thread for each message put. Jobs that are done in microseconds are then handed from
thread to thread, and the switches cost more than the jobs. Here a batch wakes one thread, which wakes the next only if
it leaves work behind. A thread that waits for I/O has woken its successor before. Woken is whichever thread has waited
least: its stack is still in the processor's cache, and those of a hundred others would push each other out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from itertools import count
from queue import Empty, PriorityQueue
from typing import Any, NamedTuple

from app.broker.message import JobMessage


class Item(NamedTuple):
    """A message in its order: by priority, then as it came. Dramatiq's threads take ``message`` from it."""

    priority: int
    number: int
    message: JobMessage


class WorkQueue(PriorityQueue[Any]):
    """A PriorityQueue. While messages and waiting threads are there, one thread is always on its way.

    It is filled by ``put_batch``: a plain ``put`` wakes nobody.
    ``on_drained`` is called by the thread that has taken the last message.
    """

    def __init__(self, on_drained: Callable[[], None]) -> None:
        super().__init__()
        self._on_drained = on_drained
        self._numbers = count()
        #: One for each waiting thread, which sleeps until it is released; the last has waited least.
        self._bells: list[threading.Lock] = []
        self._is_waking = False

    def has_work(self) -> bool:
        """Whether a message waits for its thread."""
        return bool(self.queue)

    def put_batch(self, messages: Iterable[tuple[int, JobMessage]]) -> None:
        """Add messages, each with its priority; never waits."""
        with self.mutex:
            for priority, message in messages:
                self._put(Item(priority, next(self._numbers), message))
                self.unfinished_tasks += 1
            self._wake_one()

    def get(self, block: bool = True, timeout: float | None = None) -> Item:
        """The first message. Raises Empty when none came in that time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self.mutex:
            while not self.queue:
                left_s = None if deadline is None else deadline - time.monotonic()
                if not block or (left_s is not None and left_s <= 0):
                    raise Empty
                self._wait(left_s)
            item: Item = self._get()
            self._wake_one()
            is_drained = not self.queue
        if is_drained:
            self._on_drained()
        return item

    def _wait(self, timeout_s: float | None) -> None:
        bell = threading.Lock()
        bell.acquire()
        self._bells.append(bell)
        self.mutex.release()
        try:
            bell.acquire(timeout=-1 if timeout_s is None else timeout_s)
        finally:
            self.mutex.acquire()
            # Whoever comes out of its wait, woken or not, looks at the queue, and wakes another if need be.
            if bell in self._bells:
                self._bells.remove(bell)
            self._is_waking = False

    def _wake_one(self) -> None:
        if self._bells and not self._is_waking and self.queue:
            self._is_waking = True
            self._bells.pop().release()
