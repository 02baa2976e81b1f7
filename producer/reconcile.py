"""The reconciler: what the rows promise and what Redis holds become one again, whatever died (R11 to R16).

Any number of copies may run at once: each change is claimed on a row that is still as it was seen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection

from app import db
from app.broker import keys
from app.broker.broker import BullMQBroker
from app.broker.epoch import REBUILDING, RESTORING
from app.broker.steering import reserve_ids, restore_settings
from app.jobs.catalog import queues
from app.ledger.errors import unavailable_when_operational
from app.ledger.repairs import unconfirm
from app.ledger.settings import EPOCH, LOST_MS, keep_setting, settings_by_queue
from app.ledger.standing import is_running, look
from app.models.job_status import Status
from producer.epoch import Epoch
from producer.foreign import ForeignSettings
from producer.forgotten import unsettle_forgotten
from producer.repair import repair, workers_alive
from producer.sweep import OPEN, Sweep, open_pages

log = logging.getLogger(__name__)


class Reconciler:
    """Called every 10 s. ``lost`` is told of each loss before any job is back: API budgets must start empty."""

    def __init__(self, broker: BullMQBroker, lost: Callable[[], object]) -> None:
        self._broker = broker
        self._epoch = Epoch(broker)
        self._lost = lost
        self._foreign = ForeignSettings(broker, queues(), self._epoch.stands)
        self._sweep = Sweep(broker, self._epoch.stands)

    def has_loss(self) -> bool:
        """Whether Redis has lost something that is not back yet. Costs one GET. Raises redis.RedisError."""
        return not self._epoch.stands()

    def __call__(self, now: datetime) -> None:
        """Bring back what is lost, and restart what died. Raises RecorderUnavailable and redis.RedisError."""
        if not self._epoch.stands():
            self._recover(now)
            self._sweep.again()
        else:
            self._foreign.look()
            self._free_orphans(now)
            repair(now)
        self._sweep(now)

    # --- after a loss

    def _recover(self, now: datetime) -> None:
        """First what must not run again and the settings, then the jobs, and the epoch when all are back."""
        mark = self._epoch.begin()
        if RESTORING in mark:
            if not self._epoch.is_first():
                log.warning("Redis has lost data, or may have: queues are rebuilt from their rows")
                self._lost()
                self._doubt_confirmations(now)
                if forgotten := unsettle_forgotten(self._broker, now):
                    log.warning("Redis has forgotten the ends of %d jobs: it gets them again", forgotten)
            self._restore_settings()
            mark = self._epoch.settings_are_back(mark)
        if REBUILDING not in mark:
            return  # another copy was faster, or Redis has lost the mark: the next look knows
        missing = 0
        for rows in open_pages(*OPEN):
            for queue, standings in look(self._broker, rows):
                if absent := [one.row for one in standings if not one.is_there]:
                    reserve_ids(queue, max(_number(row.job.id) for row in absent))
                    with _writing() as connection:
                        missing += unconfirm(connection, absent)
        self._free_orphans(now)
        added = repair(now)
        self._epoch.complete(mark)
        if missing:
            log.warning("recovered: %d open jobs were gone from Redis, %d jobs were added again", missing, added)

    def _doubt_confirmations(self, now: datetime) -> None:
        """Those on their way are of the Redis that is gone: none may settle a row that is looked at from here on."""
        with _writing() as connection:
            keep_setting(connection, keys.epoch(self._broker.prefix), LOST_MS, int(now.timestamp() * 1000))

    def _restore_settings(self) -> None:
        with unavailable_when_operational(), db.engine().connect() as connection:
            kept = settings_by_queue(connection)
        for name, settings in kept.items():
            if EPOCH not in settings:
                restore_settings(self._broker.queue(name), settings)

    # --- always

    def _free_orphans(self, now: datetime) -> None:
        """Running jobs that nobody runs any more, and that no queue has: Redis is to get them again (R14)."""
        alive = workers_alive(now)
        for rows in open_pages(Status.ACTIVE):
            dead = [row for row in rows if row.worker not in alive]
            for _, standings in look(self._broker, dead):
                absent = [one.row for one in standings if not one.is_there]
                if orphans := [row for row in absent if not is_running(self._broker, row, alive)]:
                    with _writing() as connection:
                        unconfirm(connection, orphans)


def _number(job_id: str) -> int:
    """What a queue's own counter gave as an id; 0 for an id of somebody's choice."""
    return int(job_id) if job_id.isascii() and job_id.isdigit() and len(job_id) < 16 else 0


@contextmanager
def _writing() -> Iterator[Connection]:
    with unavailable_when_operational(), db.engine().begin() as connection:
        yield connection
