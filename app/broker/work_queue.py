"""Dramatiq's queue of claimed messages, waking no more threads than there is work for.

The stock queue wakes one waiting thread for each message put. Jobs that are done in microseconds are then handed from
thread to thread, and the switches cost more than the jobs. Here one thread is woken when the last message of a batch is
put; it wakes the next only if it leaves work behind. A thread that waits for I/O has woken its successor before.
"""

from __future__ import annotations

import time
from queue import Empty, PriorityQueue
from typing import Any


class WorkQueue(PriorityQueue[Any]):
    """A PriorityQueue. While messages and waiting threads are there, one thread is always on its way."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = 0
        self._is_waking = False

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add a message; never waits."""
        with self.mutex:
            self._put(item)
            self.unfinished_tasks += 1
            if not item.message.more_follow:
                self._wake_one()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The first message. Raises Empty when none came in that time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self.mutex:
            while not self._qsize():
                left_s = None if deadline is None else deadline - time.monotonic()
                if not block or (left_s is not None and left_s <= 0):
                    raise Empty
                self._wait(left_s)
            item = self._get()
            self._wake_one()
            return item

    def _wait(self, timeout_s: float | None) -> None:
        self._waiting += 1
        try:
            self.not_empty.wait(timeout_s)
        finally:
            # Whoever comes out of its wait, woken or not, looks at the queue, and wakes another if need be.
            self._waiting -= 1
            self._is_waking = False

    def _wake_one(self) -> None:
        if self._waiting and not self._is_waking and self._qsize():
            self._is_waking = True
            self.not_empty.notify()
