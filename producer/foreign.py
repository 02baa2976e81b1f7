"""Settings that others have made: a Node program or Bull Board pauses a queue, and the pause survives a loss (R16).

Our own changes are written to SQL first and to Redis at once, so the later of two changes, whoever made it, is what
Redis has. What differs from SQL at two looks in a row, ten seconds apart, with nothing lost between, is therefore not
ours under way: SQL takes it over. The same holds for a change of ours that died between the two: nobody was told that
it had been made.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from app import db
from app.broker.broker import BullMQBroker
from app.broker.steering import read_settings
from app.ledger.errors import unavailable_when_operational
from app.ledger.settings import keep_foreign, settings_by_queue

log = logging.getLogger(__name__)

#: By queue and name: what SQL has, and what Redis has.
Differences = dict[tuple[str, str], tuple[Any, Any]]


class ForeignSettings:
    """What differed at the last look. ``is_whole`` says that Redis has lost nothing."""

    def __init__(self, broker: BullMQBroker, queues: Sequence[str], is_whole: Callable[[], bool]) -> None:
        self._broker = broker
        self._queues = queues
        self._is_whole = is_whole
        self._last: Differences = {}

    def look(self) -> None:
        """Keep what has differed twice. Raises RecorderUnavailable and redis.RedisError."""
        differences = self._differences()
        if not self._is_whole():
            differences = {}  # what Redis lacks was lost, not taken back
        lasting = {at: values for at, values in differences.items() if self._last.get(at) == values}
        self._last = differences
        for (queue, name), (ours, theirs) in lasting.items():
            with unavailable_when_operational(), db.engine().begin() as connection:
                kept = keep_foreign(connection, queue, name, ours, theirs)
            if kept:
                log.info("queue %s: %s was set to %r by somebody else; it is kept", queue, name, theirs)

    def _differences(self) -> Differences:
        with unavailable_when_operational(), db.engine().connect() as connection:
            kept = settings_by_queue(connection)
        found: Differences = {}
        for queue in self._queues:
            for name, theirs in read_settings(self._broker.queue(queue)).items():
                ours = kept.get(queue, {}).get(name)
                if ours != theirs:
                    found[queue, name] = ours, theirs
        return found
