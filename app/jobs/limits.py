"""The rate limits that the catalog gives to queues: set as a process starts, where all workers find them."""

from __future__ import annotations

import logging
import threading

from dramatiq import Broker, Middleware, Worker
from redis.exceptions import RedisError

from app.broker.recorder import RecorderUnavailable
from app.broker.steering import read_settings
from app.jobs.catalog import policies
from app.jobs.engine import find_queue

log = logging.getLogger(__name__)

TRY_AGAIN_S = 1.0


def set_rate_limits() -> None:
    """Write each limit to SQL and to its queue's meta. Raises RecorderUnavailable and redis.RedisError.

    A limit that was set since the last start, by whatever program, ends here; a queue that the catalog gives no limit
    keeps what others have set.
    """
    for name, policy in policies().items():
        queue, limit = find_queue(name), policy.limit
        if limit is not None and read_settings(queue)["rate"] != {"max": limit.jobs, "duration": limit.within_ms}:
            queue.set_rate_limit(limit.jobs, limit.within_ms)


class RateLimits(Middleware):
    """Before the worker's first claim; while Redis or the database is away, every second until it has worked."""

    def __init__(self) -> None:
        self._closing = threading.Event()

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Most starts end here."""
        self._closing.clear()
        if not self._set():
            threading.Thread(target=self._go_on, name="rate-limits", daemon=True).start()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Try no more."""
        self._closing.set()

    def _go_on(self) -> None:
        while not self._closing.wait(TRY_AGAIN_S):
            if self._set():
                return

    @staticmethod
    def _set() -> bool:
        try:
            set_rate_limits()
        except (RedisError, RecorderUnavailable) as error:
            log.warning("the queues' rate limits could not be set, and are tried again: %s", error)
            return False
        return True
