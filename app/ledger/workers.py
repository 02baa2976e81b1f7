"""Which worker processes live, as far as SQL has heard of them (R14)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Connection, Table, delete, insert, select, update

from app.models.worker import Worker

workers = cast("Table", Worker.__table__)
WORKER = workers.c

#: Each says every 5 s that it lives (R14).
SILENT_FOR = timedelta(seconds=15)


def seen(connection: Connection, name: str, at: datetime) -> None:
    """That worker lives."""
    known = connection.execute(update(workers).where(WORKER.name == name).values(seen_at=at))
    if not known.rowcount:
        connection.execute(insert(workers).values(name=name, started_at=at, seen_at=at))


def left(connection: Connection, name: str) -> None:
    """That worker has ended in order, and holds nothing."""
    connection.execute(delete(workers).where(WORKER.name == name))


def living(connection: Connection, since: datetime) -> set[str]:
    """The names of those that were seen since then."""
    return set(connection.execute(select(WORKER.name).where(WORKER.seen_at >= since)).scalars())


def forget(connection: Connection, before: datetime) -> None:
    """Drop those that were last seen before that moment."""
    connection.execute(delete(workers).where(WORKER.seen_at < before))
