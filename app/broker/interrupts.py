"""Raises an exception in the thread of one run, and in no other.

Arming, raising and clearing share one lock: once ``disarm`` has returned, nothing can reach the thread any more. The
stock middleware raises outside of its lock, so its exception can hit the thread's next job, or end the thread.
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


@dataclass(slots=True)
class _Armed:
    run: Run
    deadline: float  # time.monotonic()
    raised: bool = False


class Interrupts:
    """The runs of this process that may be interrupted; one thread watches their deadlines."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
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
        with self._changed:
            thread_id = threading.get_ident()
            armed = self._armed.pop(thread_id, None)
            if armed is not None and armed.raised:
                _set_async_exception(thread_id, None)

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


def _set_async_exception(thread_id: int, error: type[BaseException] | None) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(error) if error else None)
