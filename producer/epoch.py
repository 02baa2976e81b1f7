"""Whether Redis has lost anything: the key ``<prefix>:epoch`` names the server that it was written on (R11)."""

from __future__ import annotations

import secrets

from app import db
from app.broker.broker import BullMQBroker
from app.ledger.errors import unavailable_when_operational
from app.ledger.settings import keep_setting, settings_by_queue

#: Where the table of settings says that there was an epoch: the key, in place of a queue's name.
SETTING = "epoch"
_REPLACE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) return 1 end return 0"


class Epoch:
    """The time since which this Redis is known to have kept what it was given."""

    def __init__(self, broker: BullMQBroker) -> None:
        self._redis = broker.redis
        self._key = f"{broker.prefix}:epoch"
        self._replace = broker.redis.register_script(_REPLACE)

    def stands(self) -> bool:
        """Whether nothing was lost: the key is there, and this is the server process that it was written on.

        A restart from disk or a promoted replica may lack the last second, so it counts as a loss.
        """
        return self._redis.get(self._key) == self._server()

    def is_first(self) -> bool:
        """Whether there was never one: this installation starts, and has lost nothing."""
        with unavailable_when_operational(), db.engine().connect() as connection:
            return SETTING not in settings_by_queue(connection).get(self._key, {})

    def begin(self) -> str:
        """A recovery begins; returns the mark that it leaves in Redis. Copies that recover together share one."""
        server = self._server()
        mark = str(self._redis.get(self._key) or "")
        if not mark.startswith(f"{server} recovers "):
            mark = f"{server} recovers {secrets.token_hex(8)}"
            self._redis.set(self._key, mark)
        return mark

    def complete(self, mark: str) -> bool:
        """All is back: the epoch stands, unless Redis has lost its mark meanwhile, and more with it."""
        server = mark.split(maxsplit=1)[0]
        if self.is_first():
            with unavailable_when_operational(), db.engine().begin() as connection:
                keep_setting(connection, self._key, SETTING, server)
        return bool(self._replace(keys=[self._key], args=[mark, server]))

    def _server(self) -> str:
        return str(self._redis.info("server")["run_id"])
