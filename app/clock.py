"""Time as the rest of the application sees it: aware, UTC, and replaceable in tests."""

from __future__ import annotations

from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """This moment, aware."""
    return datetime.now(UTC)


def from_ms(ms: int) -> datetime:
    """The moment that many milliseconds after the epoch."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_ms(at: datetime) -> int:
    """Milliseconds since the epoch; raises ValueError for a naive datetime."""
    if at.tzinfo is None:
        raise ValueError(f"naive datetime {at!r}: give it a time zone")
    return int(at.timestamp() * 1000)
