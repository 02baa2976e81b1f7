"""One queue paused and resumed by hand, as far as an emergency stop allows it (C27).

It stands in SQL in the transaction in which Redis is told, so the last of two is the last in both.
"""

from __future__ import annotations

from datetime import datetime

from app import db
from app.broker.queue import Queue
from app.broker.steering import set_paused
from app.crontab.emergency import refuse_while_stopped
from app.ledger import audit
from app.ledger.settings import keep_setting
from app.models.emergency_stop import EmergencyStop


def pause_queue(queue: Queue, *, by: str, at: datetime, why: str | None = None) -> None:
    """Nothing of it is claimed any more, and running jobs finish; an emergency stop that ends leaves it so.

    Raises redis.RedisError, and then nothing has changed.
    """
    with db.session() as session:
        stop = session.get(EmergencyStop, 1, with_for_update=True)
        if stop is not None:
            stop.queues = [name for name in stop.queues if name != queue.name]
        keep_setting(session.connection(), queue.name, "paused", True)
        audit.record(session, by, "queue.paused", f"queue {queue.name}", at=at, why=why)
        set_paused(queue, paused=True)


def resume_queue(queue: Queue, *, by: str, at: datetime, why: str | None = None) -> None:
    """Its jobs are claimed again. Raises EverythingStopped, and redis.RedisError with nothing changed."""
    with db.session() as session:
        session.get(EmergencyStop, 1, with_for_update=True)
        refuse_while_stopped(session)
        keep_setting(session.connection(), queue.name, "paused", True)  # a row to wait for: a pause may come at once
        keep_setting(session.connection(), queue.name, "paused", None)
        audit.record(session, by, "queue.resumed", f"queue {queue.name}", at=at, why=why)
        set_paused(queue, paused=False)
