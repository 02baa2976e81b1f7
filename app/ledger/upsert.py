"""INSERT … ON CONFLICT, which both databases have, and SQLAlchemy's common INSERT has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite


def inserting(connection: Connection, table: Any) -> postgresql.Insert:
    """An INSERT of this database's dialect; what it says of conflicts is the same in both."""
    insert: Callable[[Any], Any] = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    made: postgresql.Insert = insert(table)
    return made
