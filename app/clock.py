"""Time as the rest of the application sees it: aware, UTC, and replaceable in tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Milliseconds since the epoch by a clock that all hosts share; None while that is not known.
SharedClock = Callable[[], int | None]


def _unknown() -> None:
    return None


_shared: SharedClock = _unknown


def follow(shared: SharedClock) -> None:
    """From now on this process goes by that clock, whatever its host's says (R17)."""
    global _shared  # noqa: PLW0603 - a process has one time
    _shared = shared


def utc_now() -> datetime:
    """This moment, aware; by this host's own clock until a shared one is known."""
    ms = _shared()
    return datetime.now(UTC) if ms is None else from_ms(ms)


def from_ms(ms: int) -> datetime:
    """The moment that many milliseconds after the epoch."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_ms(at: datetime) -> int:
    """Milliseconds since the epoch; raises ValueError for a naive datetime."""
    if at.tzinfo is None:
        raise ValueError(f"naive datetime {at!r}: give it a time zone")
    return int(at.timestamp() * 1000)
