"""What is looked at every 10 s: figures of jobs and queues are taken, alert rules ask them, failures are told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import db
from app.alerts.failures import tell_failures
from app.alerts.retention import forget as forget_notifications
from app.alerts.watching import evaluate
from app.broker.backlog import backlog
from app.broker.recorder import RecorderUnavailable
from app.clock import to_ms
from app.jobs.catalog import queues
from app.jobs.engine import find_queue
from app.jobs.labels import RUNS_ENTRIES, label
from app.ledger.figures import counting, keeping, sampling

log = logging.getLogger(__name__)

#: An hour of jobs is caught up in so many steps; the next look goes on.
STEPS = 8
FORGET_EVERY = timedelta(hours=1)


class Watch:
    """Each step in its own try: the one that reports that Redis is away must not need it."""

    def __init__(self) -> None:
        self._steps: tuple[Callable[[datetime], object], ...] = (
            count_jobs,
            look_at_queues,
            evaluate,
            tell_failures,
            self._forget,
        )
        self._forgot_at: datetime | None = None

    def __call__(self, now: datetime) -> None:
        """Look once; what a step cannot do now, the next look does."""
        for step in self._steps:
            try:
                step(now)
            except (RedisError, RecorderUnavailable, SQLAlchemyError) as error:
                log.warning("watching: %s cannot be done now: %s", step.__name__.strip("_"), error)

    def _forget(self, now: datetime) -> None:
        if self._forgot_at is None or now - self._forgot_at >= FORGET_EVERY:
            with db.session() as session:
                keeping.forget(session, now)
                forget_notifications(session, now)
            self._forgot_at = now


def count_jobs(now: datetime) -> None:
    """Jobs that have ended become figures."""
    for _ in range(STEPS):
        with db.session() as session:
            if not counting.count(session, now, label, RUNS_ENTRIES):
                return


def look_at_queues(now: datetime) -> None:
    """How long each queue is, and its longest wait."""
    found = {name: backlog(queue, to_ms(now)) for name, queue in ((name, find_queue(name)) for name in queues())}
    with db.session() as session:
        sampling.sample(session, now, found)
