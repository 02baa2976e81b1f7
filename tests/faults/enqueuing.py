"""Adds jobs and journals both sides of each add; ``python -m tests.faults.enqueuing`` does it until it is killed."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from app import db
from app.broker.broker import BullMQBroker
from app.broker.options import fixed
from app.broker.recorder import NewJob, RecorderUnavailable
from app.ledger.promises import promise
from app.ledger.recorder import Ledger
from app.settings import settings
from tests.faults.journal import Journal

QUEUE = "faults"
BULK = 500
BACKOFF_MS = 200


class Enqueuer:
    """Jobs of this suite's queue, under ids that the journal knows too."""

    def __init__(self, journal: Journal) -> None:
        broker = BullMQBroker(settings().queue_redis_url, prefix=settings().queue_prefix, recorder=Ledger())
        self.queue = broker.queue(QUEUE)
        self._journal = journal

    def add(
        self, *job_ids: str, name: str = "work", attempts: int = 4, backoff_ms: int = BACKOFF_MS, **data: Any
    ) -> None:
        """Add jobs with the same data. Raises what the add raises: those jobs were intended, and not accepted."""
        for start in range(0, len(job_ids), BULK):
            chunk = job_ids[start : start + BULK]
            self._journal.write("intent", *chunk)
            self.queue.add_bulk([self._job(one, name, attempts, backoff_ms, data) for one in chunk])
            self._journal.write("accepted", *chunk)

    def add_if_it_can(self, *job_ids: str, **options: Any) -> None:
        """The same while Redis or the database may be away: then the caller is told so, and goes on."""
        try:
            self.add(*job_ids, **options)
        except (RedisError, RecorderUnavailable):
            self._journal.write("refused", *job_ids)

    def die_before_the_add(self, *job_ids: str) -> None:
        """Commit the promises, and be killed before Redis hears of them."""
        self._journal.write("intent", *job_ids)
        with db.engine().begin() as connection:
            promise(connection, [self._job(one, "work", 4, BACKOFF_MS, {}) for one in job_ids])
        os.kill(os.getpid(), signal.SIGKILL)

    def _job(self, job_id: str, name: str, attempts: int, backoff_ms: int, data: dict[str, Any]) -> NewJob:
        return self.queue.new_job(name, data, job_id=job_id, attempts=attempts, backoff=fixed(backoff_ms))


def main() -> None:
    """``<journal> <name> <at once> die`` or ``… <jobs a second>``."""
    directory, name, at_once, pace = sys.argv[1:]
    enqueuer = Enqueuer(Journal(Path(directory)))
    if pace == "die":
        enqueuer.die_before_the_add(*(f"{name}-{n}" for n in range(int(at_once))))
    for batch in itertools.count():
        enqueuer.add_if_it_can(*(f"{name}-{batch}-{n}" for n in range(int(at_once))), ms=5)
        time.sleep(int(at_once) / int(pace))


if __name__ == "__main__":
    main()
