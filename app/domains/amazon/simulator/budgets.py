"""Amazon's token buckets, one per seller and operation."""

from __future__ import annotations

import threading
from datetime import datetime


class Budgets:
    """Buckets that fill at ``rate × scale`` tokens a second up to ``burst``; a call takes one token.

    ``scale`` makes a demo quick; the bursts are the published ones.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self._levels: dict[tuple[str, str], tuple[float, datetime]] = {}
        self._lock = threading.Lock()

    def take(self, seller: str, operation: str, rate: float, burst: int, now: datetime) -> bool:
        """Whether a token was there."""
        with self._lock:
            level, at = self._levels.get((seller, operation), (float(burst), now))
            level = min(float(burst), level + max(0.0, (now - at).total_seconds()) * rate * self.scale)
            granted = level >= 1
            self._levels[seller, operation] = (level - 1 if granted else level, now)
        return granted
