"""What a producer is to add."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

#: One job to add: its number (when it is due, ms since the epoch) and its delay in seconds.
Due = tuple[float, float]


@dataclass(frozen=True)
class Order:
    """``n`` jobs of one kind, in bulk or one by one with a pause; their delays lie evenly in a range of seconds.

    ``warm`` adds one more job first, without delay and before the clock starts: it opens the connection.
    """

    job: str
    n: int
    bulk: bool = True
    pause_s: float = 0
    delay_s: float = 0
    delay_until_s: float = 0
    warm: bool = False

    def delays_s(self) -> Sequence[float]:
        """Each job's delay."""
        step = max(self.delay_until_s - self.delay_s, 0) / self.n
        return [self.delay_s + i * step for i in range(self.n)]

    def to_json(self) -> str:
        """For a producer's command line."""
        return json.dumps(asdict(self))
