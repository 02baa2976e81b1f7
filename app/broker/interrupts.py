"""Raises an exception in the thread of one run, and in no other.

Arming, raising and clearing share one lock: once ``disarm`` has returned, nothing can reach the thread any more. The
stock middleware raises outside of its lock, so its exception can hit the thread's next job, or end the thread.

An exception that was set and is merely taken back leaves its mark in the interpreter (3.11 and 3.12): from then on each
thread looks for one at every call, and a function that is traced, by a debugger or for coverage, never begins. Only an
arrival removes the mark. So what is taken back is made to arrive, here.
"""

from __future__ import annotations

import ctypes
import threading
import time
from dataclasses import dataclass

from dramatiq.middleware import Interrupt, TimeLimitExceeded

Run = tuple[str, str]  # queue and job id


class Cancelled(Interrupt):
    """Somebody cancelled the job while it ran."""


class _Over(Interrupt):
    """Takes the place of what has not arrived in time."""


@dataclass(slots=True)
class _Armed:
    run: Run
    deadline: float  # time.monotonic()
    raised: bool = False


class Interrupts:
    """The runs of this process that may be interrupted; one thread watches their deadlines."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._armed: dict[int, _Armed] = {}
        self._wakes_at = float("inf")
        threading.Thread(target=self._watch, name="interrupts", daemon=True).start()

    def arm(self, run: Run, limit_ms: float) -> None:
        """The calling thread starts this run; past the limit TimeLimitExceeded is raised in it."""
        deadline = time.monotonic() + limit_ms / 1000
        with self._changed:
            self._armed[threading.get_ident()] = _Armed(run, deadline)
            if deadline < self._wakes_at:
                self._changed.notify()

    def disarm(self) -> None:
        """The calling thread's run is over: what was raised and has not arrived yet, never will."""
        try:
            self._remove(threading.get_ident())
        except Interrupt:
            self.disarm()  # it arrived on the way, perhaps before the run was forgotten

    def _remove(self, thread_id: int) -> None:
        # The lock itself: the condition's methods are Python, and what arrives within them would leave it taken.
        with self._lock:
            armed = self._armed.pop(thread_id, None)
            if armed is not None and armed.raised:
                _receive(thread_id, _Over)

    def interrupt(self, run: Run, error: type[Interrupt]) -> bool:
        """Raise that error in the thread of that run; False if it does not run here."""
        with self._changed:
            for thread_id, armed in self._armed.items():
                if armed.run == run and not armed.raised:
                    self._raise(thread_id, armed, error)
                    return True
        return False

    def _watch(self) -> None:
        with self._changed:
            while True:
                # It stays asleep for runs that end in time: most do, and waking for each would cost more than they.
                waiting = (armed.deadline for armed in self._armed.values() if not armed.raised)
                self._wakes_at = min(waiting, default=float("inf"))
                wait_s = min(self._wakes_at - time.monotonic(), threading.TIMEOUT_MAX)
                if wait_s > 0:
                    self._changed.wait(wait_s)
                now = time.monotonic()
                for thread_id, armed in self._armed.items():
                    if not armed.raised and armed.deadline <= now:
                        self._raise(thread_id, armed, TimeLimitExceeded)

    def _raise(self, thread_id: int, armed: _Armed, error: type[Interrupt]) -> None:
        armed.raised = True
        _set_async_exception(thread_id, error)


def _set_async_exception(thread_id: int, error: type[Interrupt]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(error))


def _receive(thread_id: int, error: type[Interrupt]) -> None:
    """It arrives in the calling thread now, and nothing else will."""
    _set_async_exception(thread_id, error)
    while True:
        pass
