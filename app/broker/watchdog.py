"""Ends a worker process in which a thread has died: Dramatiq never restarts one, and goes on taking jobs."""

from __future__ import annotations

import logging
import os
import threading

from dramatiq import Worker

log = logging.getLogger(__name__)

EXIT_CODE = 70
LOOK_EVERY_S = 1.0


class Watchdog:
    """Looks once a second. The keeper hands the jobs back, and the supervisor starts the process anew."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def close(self) -> None:
        """The worker is stopping its threads itself."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_EVERY_S):
            dead = [thread for thread in self._worker.workers if thread.running and not thread.is_alive()]
            if dead:
                log.critical("worker thread %s died; ending this process so that no job waits for it", dead[0].name)
                os._exit(EXIT_CODE)
