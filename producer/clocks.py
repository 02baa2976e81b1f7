"""Redis's clock cuts the slots, the database's stamps the rows: while they disagree, nothing ticks (R17)."""

from __future__ import annotations

import logging
from datetime import datetime

from app import db
from app.ledger.clock import MOST_APART, database_now
from app.ledger.errors import unavailable_when_operational

log = logging.getLogger(__name__)


class Clocks:
    """Asked before each tick, so a clock that jumps adds no wrong slot; it says when that changes."""

    def __init__(self) -> None:
        self._agreed = True

    def agree(self, now: datetime) -> bool:
        """Whether Redis, whose time is given, and the database are within a minute. Raises RecorderUnavailable."""
        with unavailable_when_operational(), db.engine().connect() as connection:
            ahead = now - database_now(connection)
        agreed = abs(ahead) <= MOST_APART
        if agreed != self._agreed:
            self._agreed = agreed
            if agreed:
                log.warning("the clocks of Redis and of the database agree again: ticks go on")
            else:
                log.error(
                    "Redis is %+.0f s from the database: nothing ticks until they agree within %.0f s",
                    ahead.total_seconds(),
                    MOST_APART.total_seconds(),
                )
        return agreed
