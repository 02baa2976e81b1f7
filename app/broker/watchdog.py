"""Ends a worker process in which a thread has died: nobody restarts one, and jobs would go on being taken for it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence

from dramatiq import Worker

log = logging.getLogger(__name__)

EXIT_CODE = 70
LOOK_EVERY_S = 1.0


class Watchdog:
    """Looks once a second, at Dramatiq's threads and at the engine's own.

    The keeper hands the jobs back, and the supervisor starts the process anew.
    """

    def __init__(self, worker: Worker, own: Sequence[threading.Thread]) -> None:
        self._worker = worker
        self._own = own
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def close(self) -> None:
        """From now on threads end because they are told to."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_EVERY_S):
            threads = [*(thread for thread in self._worker.workers if thread.running), *self._own]
            dead = [thread.name for thread in threads if not thread.is_alive()]
            if dead and not self._closed.is_set():
                log.critical("thread %s died; ending this process so that no job waits for it", dead[0])
                os._exit(EXIT_CODE)
