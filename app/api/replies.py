"""What every answer looks like: ``{"success": true, "data": …}``, times in ISO 8601."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from flask.json.provider import DefaultJSONProvider

Reply = tuple[dict[str, Any], int]


def ok(data: Any = None, *, message: str | None = None, status: int = 200) -> Reply:
    """Success, with data or a sentence."""
    reply: dict[str, Any] = {"success": True}
    if message is not None:
        reply["message"] = message
    if data is not None:
        reply["data"] = data
    return reply, status


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} has no form in JSON")


class Json(DefaultJSONProvider):
    """Flask's JSON, with keys in the order they were written and money as digits."""

    default = staticmethod(_plain)
    sort_keys = False
    ensure_ascii = False
