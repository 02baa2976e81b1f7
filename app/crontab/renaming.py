"""A queue renamed without loss: keys in Redis in one step, then rows, settings and recurring jobs in one commit.

Killed before the first step it leaves a paused queue, between the two rows under the old name: said again, it goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import cast

from sqlalchemy import Table, delete, select, update
from sqlalchemy.orm import Session

from app import db
from app.broker import renaming
from app.broker.renaming import NotRenamed
from app.crontab.recurring import BODY
from app.jobs.engine import broker, find_queue
from app.ledger import audit
from app.ledger.rows import JOB, job_status
from app.ledger.workers import SILENT_FOR, living
from app.models.crontab_entry import CrontabEntry
from app.models.queue_setting import QueueSetting

queue_setting = cast("Table", QueueSetting.__table__)
LOOK_EVERY_S = 0.25


def rename_queue(old: str, new: str, *, by: str, at: datetime, wait_s: float = 30) -> tuple[int, int]:
    """Move everything to the new name; returns how many keys and rows moved.

    Our own workers and producer must be stopped; those of Node may run until their jobs have ended, at most ``wait_s``.
    Raises QueueNotFound for a new name that the catalog does not have, and NotRenamed.
    """
    name = find_queue(new).name
    if old == name:
        raise NotRenamed(f"{old!r} is its name already")
    redis, prefix = broker().redis, broker().prefix
    with db.reading() as session:
        if alive := living(session.connection(), at - SILENT_FOR):
            raise NotRenamed(f"{', '.join(sorted(alive))} ran a moment ago: stop workers and producer first")
        has_rows = session.execute(select(JOB.id).where(JOB.queue == old).limit(1)).first() is not None
    if not renaming.exists(redis, prefix, old):
        if not has_rows:
            raise NotRenamed(f"there is no queue {old!r}, neither in Redis nor in the ledger")
        return 0, _move_rows(old, name, by=by, at=at)
    renaming.refuse_what_cannot_be_renamed(redis, prefix, old)
    _wait_for(lambda: renaming.hold(redis, prefix, old) == 0, wait_s)
    keys = renaming.rename(redis, prefix, old, name)
    return keys, _move_rows(old, name, by=by, at=at)


def _wait_for(ended: Callable[[], bool], wait_s: float) -> None:
    """What still runs then is refused by the renaming itself."""
    deadline = time.monotonic() + wait_s
    while not ended() and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)


def _move_rows(old: str, new: str, *, by: str, at: datetime) -> int:
    with db.session() as session:
        moved = session.connection().execute(update(job_status).where(JOB.queue == old).values(queue=new)).rowcount
        _move_settings(session, old, new)
        for entry in session.scalars(select(CrontabEntry).where(CrontabEntry.job == BODY)):
            if entry.data.get("queue") == old:
                entry.data = {**entry.data, "queue": new}
        audit.record(session, by, "queue.renamed", f"queue {new}", at=at, details={"from": old, "rows": moved})
    return moved


def _move_settings(session: Session, old: str, new: str) -> None:
    """What the new name has of its own stays."""
    its_own = select(queue_setting.c.name).where(queue_setting.c.queue == new)
    of_old = queue_setting.c.queue == old
    session.execute(update(queue_setting).where(of_old, queue_setting.c.name.not_in(its_own)).values(queue=new))
    session.execute(delete(queue_setting).where(of_old))
