"""Whether claims may go on: after Redis has lost data, not before the queues' settings are back (R16).

Whoever brings back what Redis loses keeps the key ``<prefix>:epoch``. It holds the run id of the server that is known
to have lost nothing, or that and how far the recovery has come.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from redis import Redis

from app.broker import keys
from app.broker.recorder import RecorderUnavailable

log = logging.getLogger(__name__)

#: What a claim is given that is made in any epoch.
ANY = "*"
#: Pauses may be missing: no claim yet.
RESTORING = "restores settings"
#: The settings are back and the jobs are coming: claims go on.
REBUILDING = "adds jobs"
SAY_EVERY_S = 10.0

Guarded = Callable[[], bool]


def is_open(epoch: str, server: str) -> bool:
    """Whether that server may be claimed from, by what its key holds."""
    return epoch == server or epoch.startswith(f"{server} {REBUILDING} ")


def run_id(redis: Redis) -> str:
    """Which server process answers; every start of one has another."""
    return str(redis.info("server")["run_id"])


class EpochGate:
    """In which epoch the claims of one connection are made: learnt once a connection, then checked by the script.

    So an idle queue asks nothing, a server that was emptied is noticed by the next claim, and one that was started
    again by the connection's end. ``guarded`` says whether anybody has ever kept the key; None stands for nobody.
    """

    def __init__(self, prefix: str, guarded: Guarded | None) -> None:
        self._key = keys.epoch(prefix)
        self._guarded = guarded
        self._said_at = -SAY_EVERY_S
        self._within: str | None = None if guarded else ANY

    def epoch(self, redis: Redis) -> str | None:
        """What claims on this connection are to be given; None while there may be none. Raises redis.RedisError."""
        if self._within is None:
            self._within = self._look(redis)
        return self._within

    def forget(self) -> None:
        """Another connection, or another epoch: it is to be learnt again."""
        if self._guarded is not None:
            self._within = None

    def _look(self, redis: Redis) -> str | None:
        # The server first: if it is another one by now, this connection is dead, and so is a claim on it.
        server = run_id(redis)
        epoch = str(redis.get(self._key) or "")
        if is_open(epoch, server) or (not epoch and self._is_unguarded()):
            return epoch
        if time.monotonic() - self._said_at >= SAY_EVERY_S:
            self._said_at = time.monotonic()
            log.warning("Redis may have lost data: nothing is claimed until the producer has restored its settings")
        return None

    def _is_unguarded(self) -> bool:
        try:
            return self._guarded is not None and not self._guarded()
        except RecorderUnavailable as error:
            log.warning("claims wait: whether Redis has lost data cannot be told: %s", error)
            return False
