"""The database keeps its size and its plans (S4-8)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from sqlalchemy import Engine, Table, text

from app.models import every_table

#: A file is written anew only when so much of it is empty: nobody else writes meanwhile.
EMPTY_SHARE = 0.1


def optimize_database(engine: Engine) -> dict[str, Any]:
    """Give space back and renew the planner's statistics; returns the size in bytes before and after."""
    return _postgresql(engine) if engine.dialect.name == "postgresql" else _sqlite(engine)


def _postgresql(engine: Engine) -> dict[str, Any]:
    """VACUUM beside everybody's work; what it frees is used again, and its locks keep nobody waiting."""
    tables: list[Table] = every_table().sorted_tables
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        size = text("SELECT pg_database_size(current_database())")
        before = connection.scalar(size)
        quote = connection.dialect.identifier_preparer.format_table
        for table in tables:
            connection.execute(text(f"VACUUM (ANALYZE) {quote(table)}"))
        return {"tables": len(tables), "bytesBefore": before, "bytesAfter": connection.scalar(size)}


def _sqlite(engine: Engine) -> dict[str, Any]:
    """On the driver's own connection: SQLAlchemy's are always in a transaction."""
    with closing(engine.raw_connection()) as pooled:
        connection = pooled.driver_connection
        assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - narrows the driver's type
        before = _pragma(connection, "page_count")
        is_worth_it = _pragma(connection, "freelist_count") > before * EMPTY_SHARE
        if is_worth_it:
            connection.execute("VACUUM")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        page_bytes = _pragma(connection, "page_size")
        return {
            "vacuumed": is_worth_it,
            "bytesBefore": before * page_bytes,
            "bytesAfter": _pragma(connection, "page_count") * page_bytes,
        }


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
