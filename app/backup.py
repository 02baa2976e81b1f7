"""The database in one file, whichever database it is: every row as of one moment, as lines of JSON, compressed.

The first line says what the file is, the last how many rows of each table it holds, so that half a file is none.
Secrets stay sealed as they are. Left out is which workers live: after a restore none does.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TextIO, TypeVar, cast

from sqlalchemy import Column, Connection, Engine, Table, delete, func, insert, select
from sqlalchemy import text as sql

from app.clock import utc_now
from app.migrations.run import pending, upgrade
from app.models import every_table
from app.models.base import UtcDateTime
from app.models.unit_cost import ExactDecimal
from app.models.worker import Worker

FORMAT = "toril backup 1"
AT_ONCE = 1_000
WORKERS = cast("Table", Worker.__table__)
T = TypeVar("T")


class BackupRefused(Exception):
    """The message says what is in the way, and what would do."""


def write(engine: Engine, path: Path) -> Mapping[str, int]:
    """Write the file, whole or not at all, readable by its owner only; returns the number of rows of each table.

    All rows are of the moment of the first look, however long it takes and whoever writes meanwhile; nobody waits for
    it. Raises BackupRefused for a database that lacks migrations.
    """
    if missing := pending(engine):
        raise BackupRefused(f"the database lacks migrations {', '.join(missing)}: run `toril migrate` first")
    with _whole_or_not_at_all(path) as file, _snapshot(engine) as connection:
        _put(file, {"format": FORMAT, "schema": _schema(connection), "at": utc_now()})
        rows: Counter[str] = Counter()
        for table in _tables():
            _put(file, {"table": table.name, "columns": table.columns.keys()})
            for row in connection.execution_options(yield_per=AT_ONCE).execute(select(table)):
                _put(file, list(row))
                rows[table.name] += 1
        _put(file, {"rows": rows})
    return rows


def restore(engine: Engine, path: Path) -> Mapping[str, int]:
    """Make the database what the file says, in one transaction; whatever was in it is gone. Returns as ``write``.

    Raises BackupRefused for what is no whole backup, or one of another schema.
    """
    upgrade(engine)
    tables = {table.name: table for table in _tables()}
    with gzip.open(path, "rt", encoding="utf-8") as file, engine.begin() as connection:
        lines = _lines(file, path)
        _check(next(lines, None), _schema(connection), path)
        for table in (*reversed(tables.values()), WORKERS):
            connection.execute(delete(table))
        rows, last = _fill(connection, tables, lines)
        if last.get("rows") != rows:
            raise BackupRefused(f"{path} is not whole: it ends too soon; restore another backup")
        _continue_numbers(connection, tables.values())
    return rows


def is_empty(engine: Engine) -> bool:
    """Whether a restore would take nothing away."""
    upgrade(engine)
    with engine.connect() as connection:
        return all(connection.execute(select(table).limit(1)).first() is None for table in _tables())


# --- the file


@contextmanager
def _whole_or_not_at_all(path: Path) -> Iterator[TextIO]:
    """A compressed text file beside the path, which takes its place once it is safely on the disk."""
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    try:
        with os.fdopen(handle, "wb") as raw:
            with gzip.open(raw, "wt", 6, "utf-8") as file:
                yield file
            raw.flush()
            os.fsync(raw.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _put(file: TextIO, line: Any) -> None:
    file.write(json.dumps(line, separators=(",", ":"), default=_plain))
    file.write("\n")


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _lines(file: TextIO, path: Path) -> Iterator[Any]:
    try:
        yield from map(json.loads, file)
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise BackupRefused(f"{path} is no backup, or not whole: {error}") from None


def _check(header: Any, schema: str, path: Path) -> None:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise BackupRefused(f"{path} is no backup that this release can read: it does not begin with {FORMAT!r}")
    if header["schema"] != schema:
        raise BackupRefused(
            f"{path} was made at schema {header['schema']}, this release has {schema}: "
            "restore it with the release that made it, then upgrade and run `toril migrate`"
        )


def _in_parts(things: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(things)
    while part := list(islice(left, size)):
        yield part


# --- the database


def _tables() -> list[Table]:
    """Every table but the workers', parents before children."""
    return [table for table in every_table().sorted_tables if table is not WORKERS]


def _schema(connection: Connection) -> str:
    return str(connection.scalar(sql("SELECT version_num FROM alembic_version")))


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one moment: PostgreSQL's REPEATABLE READ; SQLite's own, which need not be told."""
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {"reading": True}
    with engine.execution_options(**options).connect() as connection, connection.begin():
        yield connection


def _fill(
    connection: Connection, tables: Mapping[str, Table], lines: Iterable[Any]
) -> tuple[Counter[str], Mapping[str, Any]]:
    """Insert every row; returns the number of rows of each table, and the last line that is none."""
    counted: Counter[str] = Counter()
    heading: dict[str, Any] = {}
    for are_rows, group in groupby(lines, key=lambda line: isinstance(line, list)):
        if not are_rows:
            *_, heading = group  # a table without rows is only a heading
            continue
        table = tables[heading["table"]]
        readers = [(name, _reader(table.columns[name])) for name in heading["columns"]]
        for part in _in_parts(group, AT_ONCE):
            rows = [{name: read(value) for (name, read), value in zip(readers, row, strict=True)} for row in part]
            connection.execute(insert(table), rows)
            counted[table.name] += len(rows)
    return counted, heading


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    """From what JSON can hold to what the column is given."""
    if isinstance(column.type, UtcDateTime):
        return lambda value: None if value is None else datetime.fromisoformat(value)
    if isinstance(column.type, ExactDecimal):
        return lambda value: None if value is None else Decimal(value)
    return lambda value: value


def _continue_numbers(connection: Connection, tables: Iterable[Table]) -> None:
    """PostgreSQL's counters do not see ids that were given; SQLite counts on from the highest by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        if (key := table.autoincrement_column) is not None:
            sequence = func.pg_get_serial_sequence(table.name, key.name)
            connection.execute(select(func.setval(sequence, func.coalesce(func.max(key), 0) + 1, False)))
