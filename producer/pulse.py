"""The producer's own pulse: it ticks when beats fail to come, repairs what Redis does not have, and watches."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from dramatiq import Broker, Middleware, Worker
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.broker.recorder import RecorderUnavailable

log = logging.getLogger(__name__)

#: Longer than a minute and a late beat; shorter than what a tick adds ahead.
SILENCE = timedelta(seconds=75)
REPAIR_EVERY = timedelta(seconds=10)
WATCH_EVERY = timedelta(seconds=10)
LOOK_EVERY_S = 1.0


class Pulse(Middleware):
    """A thread beside the producer's worker. The first look ticks: whatever was missed while it was down is due.

    ``may_tick`` is asked before each tick; ``is_urgent`` at each look, and brings the next repair forward.
    """

    def __init__(
        self,
        tick: Callable[[datetime], object],
        repair: Callable[[datetime], object],
        now: Callable[[], datetime],
        *,
        watch: Callable[[datetime], object],
        may_tick: Callable[[datetime], bool],
        is_urgent: Callable[[], bool],
    ) -> None:
        self._tick = tick
        self._repair = repair
        self._watch = watch
        self._now = now
        self._may_tick = may_tick
        self._is_urgent = is_urgent
        self._ticked_at: datetime | None = None
        self._repaired_at: datetime | None = None
        self._watched_at: datetime | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def beat(self) -> None:
        """A beat has come: tick, unless the clocks disagree. Then the first look after that ticks."""
        now = self._now()
        if self._may_tick(now):
            self._tick(now)
            self._ticked_at = now
        else:
            self._ticked_at = None

    def look(self) -> None:
        """Do what is overdue; errors of Redis and of the database are logged, and the next look tries again."""
        for overdue in (self._tick_if_silent, self._repair_if_due, self._watch_if_due):
            try:
                overdue(self._now())
            except (RedisError, RecorderUnavailable, SQLAlchemyError) as error:
                log.warning("the producer cannot tick, repair or watch now: %s", error)

    def _tick_if_silent(self, now: datetime) -> None:
        if self._is_over(self._ticked_at, SILENCE, now):
            self.beat()

    def _repair_if_due(self, now: datetime) -> None:
        if self._is_over(self._repaired_at, REPAIR_EVERY, now) or self._is_urgent():
            self._repair(now)
            self._repaired_at = now

    def _watch_if_due(self, now: datetime) -> None:
        if self._is_over(self._watched_at, WATCH_EVERY, now):
            self._watched_at = now
            self._watch(now)

    @staticmethod
    def _is_over(last: datetime | None, pause: timedelta, now: datetime) -> bool:
        return last is None or now - last >= pause

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Begin; a clock, which boots no worker, has no pulse."""
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """End; a look that is under way is finished."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._closing.is_set():
            self.look()
            self._closing.wait(LOOK_EVERY_S)
