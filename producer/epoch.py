"""Whether Redis has lost anything: the key ``<prefix>:epoch`` names the server that it was written on (R11).

While a loss is mended it says how far that has come, and workers claim accordingly (``app.broker.epoch``).
"""

from __future__ import annotations

import secrets

from redis import Redis
from redis.exceptions import ConnectionError, TimeoutError

from app import db
from app.broker import keys
from app.broker.broker import BullMQBroker
from app.broker.epoch import REBUILDING, RESTORING, run_id
from app.ledger.errors import unavailable_when_operational
from app.ledger.settings import EPOCH, has_epoch, keep_setting

_SWAP = """
local now = redis.call('GET', KEYS[1]) or ''
if now ~= ARGV[1] then return now end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
"""


class Epoch:
    """The time since which this Redis is known to have kept what it was given."""

    def __init__(self, broker: BullMQBroker) -> None:
        self._broker = broker
        self._key = keys.epoch(broker.prefix)
        self._swap = broker.redis.register_script(_SWAP)
        self._connection: Redis | None = None
        self._server = ""

    def stands(self) -> bool:
        """Whether nothing was lost: the key is there, and this is the server process that it was written on.

        A restart from disk or a promoted replica may lack the last second, so it counts as a loss. Costs one GET.
        """
        return self._read() == self._server

    def is_first(self) -> bool:
        """Whether there was never one: this installation starts, and has lost nothing."""
        with unavailable_when_operational(), db.engine().connect() as connection:
            return not has_epoch(connection, self._broker.prefix)

    def begin(self) -> str:
        """A recovery begins, or one that was begun goes on; returns its mark. Copies that recover together share it."""
        seen = self._read()
        if seen.startswith((f"{self._server} {RESTORING} ", f"{self._server} {REBUILDING} ")):
            return seen
        return self._replace(seen, f"{self._server} {RESTORING} {secrets.token_hex(8)}")

    def settings_are_back(self, mark: str) -> str:
        """Claims may go on. Returns the mark of what follows; what Redis has instead, if it has lost the first one."""
        rebuilding = mark.replace(RESTORING, REBUILDING)
        found = self._replace(mark, rebuilding)
        return rebuilding if found == self._server else found

    def complete(self, mark: str) -> bool:
        """All is back: the epoch stands, unless Redis has lost its mark meanwhile, and more with it."""
        server = mark.split(maxsplit=1)[0]
        if self.is_first():
            with unavailable_when_operational(), db.engine().begin() as connection:
                keep_setting(connection, self._key, EPOCH, server)
        return self._replace(mark, server) == server

    def _replace(self, seen: str, by: str) -> str:
        """What the key holds then: that, unless it was not as it was seen."""
        return str(self._swap(keys=[self._key], args=[seen, by]))

    def _read(self) -> str:
        """On a connection of its own, whose server was asked for its name once: another one would end it."""
        try:
            if self._connection is None:
                self._connection = self._broker.redis.client()
                self._server = run_id(self._connection)
            return str(self._connection.get(self._key) or "")
        except (ConnectionError, TimeoutError):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            raise
