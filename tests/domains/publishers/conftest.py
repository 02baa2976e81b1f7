"""Publishers and their events, as tests need them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app import db
from app.domains.publishers.accounts import create
from app.models.publisher import Publisher

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)


def add_publisher(key: str = "pub-1", **fields: Any) -> Publisher:
    """In UTC and US dollars, unless told otherwise."""
    with db.session() as session:
        return create(session, Publisher(id=key, **{"name": key, "timezone": "UTC", "currency": "USD", **fields}))
