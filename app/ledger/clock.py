"""The database's own clock: rows and queues must live in the same minute (R17)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from app.clock import EPOCH

#: Further apart, Redis and the database disagree about which slots are due.
MOST_APART = timedelta(seconds=60)
SECONDS = {
    "postgresql": text("SELECT extract(epoch FROM clock_timestamp())"),
    "sqlite": text("SELECT (julianday('now') - 2440587.5) * 86400"),
}


def database_now(connection: Connection) -> datetime:
    """What time the database has; SQLite has this machine's."""
    seconds = float(connection.execute(SECONDS[connection.dialect.name]).scalar_one())
    return (EPOCH + timedelta(seconds=seconds)).astimezone(UTC)
