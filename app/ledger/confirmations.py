"""Adds that Redis has confirmed, on their way into their rows: a moment later, many in one commit."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable, Sequence

from app.broker.recorder import NewJob, RecorderUnavailable

log = logging.getLogger(__name__)

#: So many at once are worth a commit of their own.
ENOUGH = 50


class Confirmations:
    """Written within ``within_s`` seconds, and at the process's end; with 0, at once.

    Until then a row looks as if its add had failed. That is harmless while it lasts: the reconciler leaves rows alone
    for 15 s, a claim confirms by itself, and adding a job again that Redis has adds nothing.
    """

    def __init__(self, write: Callable[[Sequence[NewJob]], None], within_s: float) -> None:
        self._write = write
        self._within_s = within_s
        self._lock = threading.Lock()
        self._waiting: list[NewJob] = []
        self._timer: threading.Timer | None = None

    def put(self, jobs: Sequence[NewJob]) -> None:
        """Redis has these. Raises RecorderUnavailable if they are written at once and cannot be."""
        if not self._within_s or len(jobs) >= ENOUGH:
            self._write(jobs)
            return
        with self._lock:
            self._waiting.extend(jobs)
            # A timer that does not live was a parent process's.
            if self._timer is None or not self._timer.is_alive():
                if self._timer is None:
                    atexit.register(self.flush)
                self._timer = threading.Timer(self._within_s, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what waits. What cannot be written now, the reconciler confirms when it finds the job in Redis."""
        with self._lock:
            jobs, self._waiting = self._waiting, []
        if not jobs:
            return
        try:
            self._write(jobs)
        except RecorderUnavailable as error:
            log.warning("%d adds were not confirmed in the record: %s", len(jobs), error)
