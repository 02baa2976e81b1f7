"""The connection of one queue's claims: it claims, and waits on the marker for the next job."""

from __future__ import annotations

from redis import Redis
from redis.exceptions import ConnectionError, TimeoutError

from app.broker.keys import QueueKeys
from app.broker.scripts import Scripts


class ClaimConnection:
    """A connection of its own, named as BullMQ's workers are, so that Node's ``getWorkers`` lists it.

    While it stands, the server that answers is the same. ``end_wait`` may be called by any thread, the rest by one.
    """

    def __init__(self, redis: Redis, keys: QueueKeys, worker: str) -> None:
        self._redis = redis
        self._marker = keys["marker"]
        self._name = f"{keys.client_name()}:w:{worker}"
        self._scripts: Scripts | None = None
        self._client_id: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it stands."""
        return self._scripts is not None

    def client(self) -> Redis:
        """Commands on it; it is opened if need be. Raises redis.ConnectionError."""
        return self.scripts().redis

    def scripts(self) -> Scripts:
        """The scripts on it, which go with it; opens and raises too. The cache of ``scripts`` would keep them."""
        if self._scripts is None:
            client = self._redis.client()
            client.client_setname(self._name)
            self._scripts, self._client_id = Scripts(client), int(client.client_id())
        return self._scripts

    def pop_marker(self, wait_s: float, *, on_time: bool) -> tuple[str, float] | None:
        """The marker's first member and its score; None after that time. Raises redis.ConnectionError, TimeoutError.

        Redis looks for clients whose time is over only a few times a second: to be ``on_time``, the wait is ended here.
        """
        connection = self.client().connection
        if connection is None:
            raise ConnectionError("the connection of the claims is closed")
        try:
            connection.send_command("BZPOPMIN", self._marker, max(wait_s, 0.001))
            if on_time and not connection.can_read(timeout=wait_s):
                self.end_wait()
            popped = connection.read_response()
        except (ConnectionError, TimeoutError):
            self.close()
            raise
        return (popped[1], float(popped[2])) if popped else None

    def end_wait(self) -> None:
        """End the wait now. Raises redis.RedisError."""
        if self._client_id is not None:
            self._redis.client_unblock(self._client_id)

    def close(self) -> None:
        """Disconnect: returned to the pool, the connection would go on under a worker's name."""
        if self._scripts is not None:
            client = self._scripts.redis
            if client.connection is not None:
                client.connection.disconnect()
            client.close()
        self._scripts = self._client_id = None
