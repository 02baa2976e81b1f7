"""The SQL database of this process: one engine, sessions with an explicit end."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from app.pings import answers_as
from app.settings import settings

SQLITE_BUSY_TIMEOUT_S = 30
POSTGRES_CONNECT_TIMEOUT_S = 5
POOL_SIZE = 16
#: SQLite drops a connection's pages when another one commits: beyond a transaction they are not worth their memory.
SQLITE_CACHE_KIB = 256
#: A connection that has done nothing for so long may have lost its server.
RESTED_S = 1.0


@lru_cache
def engine() -> Engine:
    """The engine for ``DATABASE_URL``. Created on first use, so that none crosses a fork."""
    return open_engine(settings().database_url)


def open_engine(url: str) -> Engine:
    """An engine with what each database needs to be safe under several writers.

    SQLite: WAL, full sync, BEGIN IMMEDIATE (deferred transactions fail with "database is locked" as soon as two
    processes write). PostgreSQL: a connection that has rested is tested before use, so a restart of the server costs
    next to no error.

    Both take the connection that was used last: each keeps pages and prepared statements, and those that only a rush
    needs stay small.
    """
    is_sqlite = url.startswith("sqlite")
    opened = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_use_lifo=True,
        connect_args=(
            {"timeout": SQLITE_BUSY_TIMEOUT_S} if is_sqlite else {"connect_timeout": POSTGRES_CONNECT_TIMEOUT_S}
        ),
    )
    if is_sqlite:
        event.listen(opened, "connect", _prepare_sqlite)
        event.listen(opened, "begin", _begin)
    else:
        event.listen(opened, "checkin", _note_use)
        event.listen(opened, "checkout", partial(_test_rested, opened.dialect))
    return opened


@contextmanager
def session() -> Iterator[Session]:
    """A session in one transaction: committed at the end, rolled back on an error."""
    with Session(engine(), expire_on_commit=False) as opened, opened.begin():
        yield opened


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads: on SQLite it neither waits for a writer nor keeps one waiting."""
    with Session(engine().execution_options(reading=True), expire_on_commit=False) as opened, opened.begin():
        yield opened


@answers_as(lambda: "postgres" if make_url(settings().database_url).get_backend_name() == "postgresql" else "sqlite")
def _ping() -> None:
    """A table of ours: an empty file would answer, too."""
    with reading() as session:
        session.execute(text("SELECT 1 FROM users LIMIT 1"))


def _note_use(_connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    entry.info["used_at"] = time.monotonic()


def _test_rested(dialect: Dialect, connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object) -> None:
    """A round trip before each transaction is a quarter of a busy worker's: what was just used is not asked."""
    used_at = entry.info.get("used_at")
    if used_at is None or time.monotonic() - used_at < RESTED_S:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - narrows the driver's type
    connection.isolation_level = None
    cache = f"cache_size = -{SQLITE_CACHE_KIB}"
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", cache):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")
