"""How much memory a run uses, and what happens when it is too much (S4-15, S4-17).

A thread looks at the process's resident memory. A limit of the kernel's (RLIMIT) would count address space, and its
MemoryError would hit whichever thread allocates next: another job's as well as the guilty one. A call that holds the
interpreter for so long that this thread cannot look is ended by the keeper, at the run's hard time limit.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dramatiq.middleware import Interrupt

from app.crontab.sessions import Use

MB = 1024 * 1024
LOOK_EVERY_S = 0.05
#: A run that is still there so long after it was told to end, or at twice its limit, does not heed exceptions.
HARD_AFTER_S = 3.0

STATM = Path("/proc/self/statm")
PAGE = os.sysconf("SC_PAGE_SIZE")


class MemoryLimitExceeded(Interrupt):
    """Raised in a run that has used more memory than its entry allows."""


def resident() -> int:
    """Bytes of memory that this process holds; where the system does not say, the most that it ever held."""
    try:
        return int(STATM.read_text().split()[1]) * PAGE
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


class MemoryWatch:
    """Measures from its creation on. The limit is on growth: a large process must not fail a small job."""

    def __init__(self, limit_mb: int | None, ask_to_end: Callable[[], object], end: Callable[[], object]) -> None:
        self._limit = None if limit_mb is None else limit_mb * MB
        self._ask_to_end = ask_to_end
        self._end = end
        self._began_with = self._peak = resident()
        self._asked_at: float | None = None

    def use(self) -> Use:
        """What has been used so far."""
        now = self._look()
        return Use(now - self._began_with, self._peak)

    @property
    def is_over(self) -> bool:
        """Whether the limit was passed at any look."""
        return self._limit is not None and self._peak - self._began_with > self._limit

    def step(self, now: float) -> None:
        """Look once; ``now`` in seconds, of any clock."""
        growth = self._look() - self._began_with
        if self._limit is None or not self.is_over:
            return
        if self._asked_at is None:
            self._asked_at = now
            self._ask_to_end()
        elif now - self._asked_at >= HARD_AFTER_S or growth > 2 * self._limit:
            self._end()

    def _look(self) -> int:
        now = resident()
        self._peak = max(self._peak, now)
        return now


@contextmanager
def watching(watch: MemoryWatch) -> Iterator[MemoryWatch]:
    """A thread looks as long as the block runs."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_EVERY_S):
            watch.step(time.monotonic())

    looking = threading.Thread(target=look, name="memory", daemon=True)
    looking.start()
    try:
        yield watch
    finally:
        done.set()
        looking.join()
