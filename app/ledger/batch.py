"""Many rows as one parameter, so that a statement is the same text for one job and for a thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Executable,
    FromClause,
    Insert,
    Integer,
    Select,
    String,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from app.models.base import UtcDateTime

Columns = Sequence[Column[Any]]
Rows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of a statement as a table. One JSON document carries them all, texts cleaned.

    VALUES would make a new statement, to be compiled and planned, for every number of rows.
    """

    rows: FromClause
    is_postgresql: bool

    def meets(self, key: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
        """Joins the rows by an indexed column of the table to be updated."""
        joined = key == value
        return self.picks(key, value) & joined if self.is_postgresql else joined

    def picks(self, key: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether the indexed column has the value of some row."""
        return self.is_one_of(key, select(value).select_from(self.rows))

    def is_one_of(self, key: ColumnElement[Any], values: Select[Any]) -> ColumnElement[bool]:
        """Whether the indexed column has one of these values, found by the index.

        PostgreSQL's planner knows nothing of a document's rows, and thinks that next to no row of a young table has an
        IS NULL: left to itself, it reads the whole table for them. An array of keys it looks up.
        """
        return key == any_(func.array(values.scalar_subquery())) if self.is_postgresql else key.in_(values)

    def insert_missing(self, table: Table, values: Mapping[Column[Any], ColumnElement[Any]]) -> Insert:
        """INSERT these values of each row, and leave alone what any unique key has already."""
        # "WHERE true": without it, SQLite takes ON CONFLICT for a join's condition.
        rows = select(*values.values()).select_from(self.rows).where(true())
        columns = [column.key for column in values]
        if self.is_postgresql:
            return postgresql.insert(table).from_select(columns, rows).on_conflict_do_nothing()
        return sqlite.insert(table).from_select(columns, rows).on_conflict_do_nothing()


def about(
    *columns: Column[Any], **others: Columns
) -> Callable[[Callable[..., Executable]], Callable[..., CursorResult[Any]]]:
    """Makes a function from a batch with these columns to a statement one that executes it for a connection's rows.

    The statement is built once for each kind of database: to build and to hash it costs more than to execute it.
    ``others`` are further batches, by the names of the parameters that take them.
    """

    def prepared(build: Callable[..., Executable]) -> Callable[..., CursorResult[Any]]:
        @lru_cache
        def statement(is_postgresql: bool) -> Executable:
            batches = {name: _table(name, of_it, is_postgresql) for name, of_it in others.items()}
            return build(_table("batch", columns, is_postgresql), **batches)

        def execute(connection: Connection, rows: Rows, **parameters: Any) -> CursorResult[Any]:
            documents = {"batch": _document(connection.dialect, columns, rows)} | {
                name: _document(connection.dialect, of_it, parameters[name]) for name, of_it in others.items()
            }
            return connection.execute(statement(_is_postgresql(connection.dialect)), parameters | documents)

        return execute

    return prepared


def batch(connection: Connection, columns: Columns, rows: Rows) -> FromClause:
    """These very rows as a table, to select from or to update by; what a row leaves out is NULL."""
    document = literal(_document(connection.dialect, columns, rows), Text)
    return _rows(document, "batch", columns, _is_postgresql(connection.dialect))


def insert_missing(connection: Connection, table: Table, columns: Columns, rows: Rows) -> Insert:
    """INSERT these very rows, and leave alone what any unique key has already."""
    given = Batch(batch(connection, columns, rows), _is_postgresql(connection.dialect))
    return given.insert_missing(table, {c: given.rows.c[c.key] for c in columns})


def clean(text: str) -> str:
    """The text with U+FFFD for what PostgreSQL cannot keep: NUL and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def _is_postgresql(dialect: Dialect) -> bool:
    return dialect.name == "postgresql"


def _document(dialect: Dialect, columns: Columns, rows: Rows) -> str:
    """A JSON array: of objects where they are read by name, and NULL is what is left out; of arrays by place."""
    fields = [(c.key, _carrier(c.type, dialect)) for c in columns]
    if _is_postgresql(dialect):
        table: list[Any] = [
            {
                key: value if carrier is None else carrier(value)
                for key, carrier in fields
                if (value := row.get(key)) is not None
            }
            for row in rows
        ]
    else:
        table = [
            [value if (value := row.get(key)) is None or carrier is None else carrier(value) for key, carrier in fields]
            for row in rows
        ]
    return msgspec.json.encode(table).decode()


@lru_cache
def _carrier(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """What makes of a value of that type what the driver would be given, in JSON; None for what is that already."""
    if isinstance(kind, Integer):
        return None
    process = kind.dialect_impl(dialect).bind_processor(dialect)

    def carried(value: Any) -> Any:
        value = value if process is None else process(value)
        if isinstance(value, str):
            return clean(value)
        return value.isoformat() if isinstance(value, datetime) else value

    # The moments of a batch are few, and to write one costs as much as the rest of its row.
    return lru_cache(maxsize=1024)(carried) if isinstance(kind, UtcDateTime) else carried


def _table(name: str, columns: Columns, is_postgresql: bool) -> Batch:
    return Batch(_rows(bindparam(name, type_=Text), name, columns, is_postgresql), is_postgresql)


def _rows(document: BindParameter[str], name: str, columns: Columns, is_postgresql: bool) -> FromClause:
    return (_of_postgresql if is_postgresql else _of_sqlite)(document, name, columns)


def _of_postgresql(document: BindParameter[str], name: str, columns: Columns) -> FromClause:
    typed = [column(c.key, _unbounded(c.type)) for c in columns]
    return (
        func.json_to_recordset(cast(document, postgresql.JSON))
        .table_valued(*typed)
        .render_derived(name, with_types=True)
    )


def _of_sqlite(document: BindParameter[str], name: str, columns: Columns) -> FromClause:
    element = func.json_each(document).table_valued("value", name="element")
    fields = [
        literal_column(f"json_extract(element.value, '$[{place}]')", c.type).label(c.key)
        for place, c in enumerate(columns)
    ]
    return select(*fields).select_from(element).subquery(name)


def _unbounded(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """A bounded VARCHAR would cut a longer text silently."""
    return Text() if isinstance(kind, String) else kind
