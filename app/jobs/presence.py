"""A worker process tells SQL that it lives: its running jobs are not started again because Redis forgot them (R14)."""

from __future__ import annotations

import logging
import threading

from dramatiq import Broker, Middleware, Worker
from redis.exceptions import RedisError

from app import db
from app.broker.broker import BullMQBroker
from app.broker.recorder import RecorderUnavailable
from app.clock import from_ms
from app.ledger.errors import unavailable_when_operational
from app.ledger.workers import left, seen

log = logging.getLogger(__name__)

EVERY_S = 5.0


class Presence(Middleware):
    """A thread beside the worker: one update every 5 s, by Redis's time."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Begin."""
        assert isinstance(broker, BullMQBroker)  # noqa: S101 - narrows the type
        self._closing.clear()
        self._thread = threading.Thread(target=self._run, args=(broker,), name="presence", daemon=True)
        self._thread.start()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """End."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self, broker: BullMQBroker) -> None:
        name = broker.engine.worker_name
        while not self._closing.is_set():
            self._tell(broker, name)
            self._closing.wait(self._every_s)
        self._tell(broker, name, leaving=True)

    @staticmethod
    def _tell(broker: BullMQBroker, name: str, *, leaving: bool = False) -> None:
        try:
            with unavailable_when_operational(), db.engine().begin() as connection:
                if leaving:
                    left(connection, name)
                else:
                    seen(connection, name, from_ms(broker.clock.now_ms()))
        except (RedisError, RecorderUnavailable) as error:
            log.warning("worker %s could not say that it lives: %s", name, error)
