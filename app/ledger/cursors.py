"""How far whoever reads rows in order has come; of several readers one moves it."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models.sync_cursor import SyncCursor

cursors = cast("Table", SyncCursor.__table__)
CURSOR = cursors.c


def position(session: Session, source: str) -> str | None:
    """Where it stands; None before the first time."""
    return session.scalar(select(CURSOR.position).where(CURSOR.source == source))


def move(session: Session, source: str, seen: str | None, to: str, at: datetime) -> bool:
    """From where it was seen to there; False if another was faster. Until the caller's commit others wait here."""
    if seen is None:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        begun = dialect.insert(cursors).values(source=source, position=to, moved_at=at).on_conflict_do_nothing()
        return session.execute(begun.returning(CURSOR.source)).first() is not None
    moved = update(cursors).where(CURSOR.source == source, CURSOR.position == seen).values(position=to, moved_at=at)
    return session.connection().execute(moved).rowcount == 1
