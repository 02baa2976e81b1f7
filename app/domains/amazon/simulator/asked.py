"""What a request asks for, read the same way in every operation."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from flask import request

from app.domains.amazon.simulator.book import Book
from app.domains.amazon.simulator.gate import invalid
from app.domains.amazon.simulator.marketplaces import BY_ID
from app.domains.amazon.simulator.state import Seller, simulator

Entry = TypeVar("Entry")

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_FAR_AWAY = datetime(9999, 1, 1, tzinfo=UTC)


def moment(text: str) -> datetime:
    """An ISO 8601 moment; a date is its first; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(f"{text!r} is not an ISO 8601 date-time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def window(after: str, before: str) -> tuple[datetime, datetime]:
    """The two parameters, from the first included to the second excluded."""
    first, last = request.args.get(after), request.args.get(before)
    return (moment(first) if first else _LONG_AGO, moment(last) if last else _FAR_AWAY)


def books(seller: Seller, parameter: str = "marketplaceIds") -> list[Book]:
    """The books of the marketplaces in the parameter, given once with commas or several times; or the home book."""
    given = [name for value in request.args.getlist(parameter) for name in value.split(",") if name]
    return books_of(seller, given)


def books_of(seller: Seller, marketplace_ids: Sequence[str]) -> list[Book]:
    """The seller's books there; of its home when none is named."""
    unknown = [name for name in marketplace_ids if name not in BY_ID]
    if unknown:
        raise invalid(f"unknown marketplace {unknown[0]!r}")
    wanted = [BY_ID[name] for name in marketplace_ids] or [seller.home]
    return [simulator().book(seller, marketplace) for marketplace in wanted]


def body() -> dict[str, Any]:
    """The JSON object in the request."""
    given = request.get_json(force=True, silent=True)
    if not isinstance(given, dict):
        raise invalid("the body is not a JSON object")
    return given


def page(
    entries: Sequence[Entry], token: str | None, size: int, max_age_s: float | None = None
) -> tuple[list[Entry], str | None]:
    """One page and the token of the next; a token names where to go on and when it was given."""
    state = simulator()
    start = 0
    if token is not None:
        try:
            start, given_at = json.loads(base64.urlsafe_b64decode(token))
            age_s = state.clock().timestamp() - float(given_at)
        except (ValueError, TypeError) as error:
            raise invalid("the next token is invalid") from error
        if max_age_s is not None and age_s > max_age_s:
            raise invalid("the next token has expired")
    end = start + size
    following = base64.urlsafe_b64encode(json.dumps([end, state.clock().timestamp()]).encode()).decode()
    return list(entries[start:end]), following if end < len(entries) else None


def number(amount: Decimal) -> float:
    """A JSON number; floats print the shortest digits that read back the same, so no cent is lost."""
    return float(amount)


def instant(at: datetime) -> str:
    """As Amazon writes moments."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
