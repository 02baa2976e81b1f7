"""JSON kept as text: equal on every database, and safe for what foreign producers write (NUL, lone surrogates)."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

#: Compact, so that equal values are equal texts.
_encode = json.JSONEncoder(separators=(",", ":")).encode


class JsonText(TypeDecorator[Any]):
    """Any JSON value; None is SQL's NULL. ASCII only: PostgreSQL refuses some characters that JSON allows."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Its text."""
        return None if value is None else _encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """The value that was bound."""
        return None if value is None else json.loads(value)
