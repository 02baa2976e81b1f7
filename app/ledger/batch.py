"""Many rows as one parameter, so that a statement is the same text for one job and for a thousand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    Connection,
    FromClause,
    Insert,
    String,
    Table,
    Text,
    cast,
    column,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine


def batch(connection: Connection, columns: Sequence[Column[Any]], rows: Iterable[Mapping[str, Any]]) -> FromClause:
    """The rows as a table with these columns, to select from or to update by; what a row leaves out is NULL.

    One JSON document carries all rows, texts cleaned: VALUES would make a new statement, to be compiled and planned,
    for every number of rows.
    """
    dialect = connection.dialect
    bind = {c.key: c.type.dialect_impl(dialect).bind_processor(dialect) for c in columns}
    table = [{key: _carried(process, row.get(key)) for key, process in bind.items()} for row in rows]
    document = literal(json.dumps(table), Text)
    return _of_postgresql(document, columns) if dialect.name == "postgresql" else _of_sqlite(document, columns)


def insert_missing(
    connection: Connection, table: Table, columns: Sequence[Column[Any]], rows: Iterable[Mapping[str, Any]]
) -> Insert:
    """INSERT the rows, and leave alone what any unique key has already."""
    given = select(*batch(connection, columns, rows).c).where(true())
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).from_select(columns, given).on_conflict_do_nothing()
    return sqlite.insert(table).from_select(columns, given).on_conflict_do_nothing()


def clean(text: str) -> str:
    """The text with U+FFFD for what PostgreSQL cannot keep: NUL and lone surrogates."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def _carried(process: Any, value: Any) -> Any:
    """The value as the driver would be given it, in JSON."""
    if value is not None and process is not None:
        value = process(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return clean(value) if isinstance(value, str) else value


def _of_postgresql(document: BindParameter[str], columns: Sequence[Column[Any]]) -> FromClause:
    typed = [column(c.key, _unbounded(c.type)) for c in columns]
    return (
        func.json_to_recordset(cast(document, postgresql.JSON))
        .table_valued(*typed)
        .render_derived("batch", with_types=True)
    )


def _of_sqlite(document: BindParameter[str], columns: Sequence[Column[Any]]) -> FromClause:
    element = func.json_each(document).table_valued("value")
    fields = [func.json_extract(element.c.value, f"$.{c.key}", type_=c.type).label(c.key) for c in columns]
    return select(*fields).subquery("batch")


def _unbounded(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """A bounded VARCHAR would cut a longer text silently."""
    return Text() if isinstance(kind, String) else kind
