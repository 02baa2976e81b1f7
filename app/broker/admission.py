"""How many jobs this process may hold at once, queue by queue, and when it may claim at all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping

#: Ends that are not settled yet; above this, claims stop until the record or Redis catches up.
MOST_UNSETTLED = 256


class Admission:
    """The gate before every claim of one worker process. All methods may be called from any thread.

    A job with a crash behind it (a *suspect*) runs alone in its process: while one is held or runs, nothing is claimed,
    and it starts when nothing else runs. So if it kills the process again, no other job is charged for it.

    Claims are made for many jobs at once: while jobs ``wait_for_threads`` that were claimed before, a queue claims only
    when half of its places are free.
    """

    def __init__(self, concurrency: Mapping[str, int], wait_for_threads: Callable[[], bool]) -> None:
        self._concurrency = dict(concurrency)
        self._wait_for_threads = wait_for_threads
        self._changed = threading.Condition()
        self._running: Counter[str] = Counter()
        self._suspects = 0
        self._suspect_runs = False
        self._unsettled = 0
        self._closed = False

    def concurrency(self, queue: str) -> int:
        """How many jobs of that queue this process holds at most."""
        return self._concurrency.get(queue, 1)

    def wait_for_room(self, queue: str, timeout_s: float) -> int:
        """How many jobs of that queue may be claimed now; waits until it is time to, 0 when none may be."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_worth_a_claim(queue) or self._closed, timeout_s)
            return self._room(queue)

    def _is_worth_a_claim(self, queue: str) -> bool:
        room = self._room(queue)
        return room > 0 and (room * 2 >= self.concurrency(queue) or not self._wait_for_threads())

    def look_again(self) -> None:
        """No claimed job waits for its thread any more."""
        with self._changed:
            self._changed.notify_all()

    def _room(self, queue: str) -> int:
        if self._closed or self._suspects or self._suspect_runs or self._unsettled >= MOST_UNSETTLED:
            return 0
        return self.concurrency(queue) - self._running[queue]

    def started(self, queue: str, count: int) -> None:
        """That many jobs of that queue were claimed, and will run."""
        with self._changed:
            self._running[queue] += count

    def suspect_claimed(self) -> None:
        """A suspect was claimed: it is held until it may run alone."""
        with self._changed:
            self._suspects += 1

    def admit_suspect(self, queue: str, timeout_s: float) -> bool:
        """Whether a held suspect of that queue may start now: nothing else runs. Waits for it, at most that long."""
        with self._changed:
            alone = self._changed.wait_for(lambda: self._is_idle() or self._closed, timeout_s)
            if not alone or self._closed or not self._is_idle():
                return False
            self._suspects -= 1
            self._suspect_runs = True
            self._running[queue] += 1
            return True

    def _is_idle(self) -> bool:
        return not self._suspect_runs and self._running.total() == 0

    def ended(self, queue: str) -> None:
        """A run is over; its end is not settled yet."""
        with self._changed:
            self._running[queue] -= 1
            self._unsettled += 1
            if self._suspect_runs and self._running.total() == 0:
                self._suspect_runs = False
            if self._suspects or self._is_worth_a_claim(queue):
                self._changed.notify_all()

    def ended_without_run(self) -> None:
        """A claimed job ends without having run (cancelled, malformed …); its end is not settled yet."""
        with self._changed:
            self._unsettled += 1

    def settled(self, count: int) -> None:
        """That many ends are settled."""
        with self._changed:
            self._unsettled -= count
            self._changed.notify_all()

    def close(self) -> None:
        """Claim nothing any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether the process is shutting down."""
        return self._closed
