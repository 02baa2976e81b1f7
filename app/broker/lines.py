"""Connections on which a command is called directly: redis-py's own way to a reply costs as much CPU as a whole add.

A line is a connection of the client's pool, kept for the next call. The pool still makes it, finds the master of a
Sentinel service for it and closes it; any thread may call.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hiredis import pack_command
from redis import ConnectionPool
from redis.connection import Connection
from redis.exceptions import ConnectionError, ResponseError, TimeoutError

Command = tuple[Any, ...]
#: Then the pool has a look at it again: it may know of a new master.
KEPT_S = 1.0
#: More threads than these call at once seldom, and what is kept is missing in the pool.
KEPT = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A connection, until when it is kept, and whose it is: a forked child must not speak on its parent's."""

    connection: Connection
    until: float
    pid: int


class Lines:
    """The lines of one pool."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._free: deque[Line] = deque()

    @property
    def connection_pool(self) -> ConnectionPool:
        """The pool, under the name that redis-py's clients have for it."""
        return self._pool

    def call(self, *command: Any) -> Any:
        """The reply. Raises what redis-py raises, and never sends a command twice."""
        line = self._take()
        try:
            reply = call(line.connection, *command)
        except ResponseError:
            self._keep(line)
            raise
        except BaseException:
            self._drop(line)
            raise
        self._keep(line)
        return reply

    def stream(self, commands: Iterable[Command]) -> Iterator[Any]:
        """The replies, in order; each command is sent before the reply of the one before it is awaited.

        After an error, or when the caller stops early, one command more may have been carried out.
        """
        line = self._take()
        awaited = False
        try:
            for command in commands:
                _send(line.connection, command)
                if awaited:
                    yield line.connection.read_response()
                awaited = True
            if awaited:
                yield line.connection.read_response()
        except BaseException:
            self._drop(line)
            raise
        self._keep(line)

    def _take(self) -> Line:
        while self._free:
            try:
                line = self._free.pop()
            except IndexError:  # another thread was faster
                break
            if line.pid != os.getpid():
                continue
            if time.monotonic() > line.until:
                self._pool.release(line.connection)
                continue
            if _is_broken(line.connection):
                self._drop(line)
                continue
            return line
        return Line(self._pool.get_connection(), time.monotonic() + KEPT_S, os.getpid())

    def _keep(self, line: Line) -> None:
        if len(self._free) < KEPT:
            self._free.append(line)
        else:
            self._pool.release(line.connection)

    def _drop(self, line: Line) -> None:
        line.connection.disconnect()
        self._pool.release(line.connection)


@lru_cache(maxsize=32)
def lines(pool: ConnectionPool) -> Lines:
    """The lines of this pool."""
    return Lines(pool)


def call(connection: Connection, *command: Any) -> Any:
    """The reply on this connection. Raises what redis-py raises."""
    _send(connection, command)
    return connection.read_response()


def _send(connection: Connection, command: Command) -> None:
    # redis-py would look at each argument first, to split commands of two words and to refuse what hiredis refuses too.
    connection.send_packed_command((pack_command(command),))


def _is_broken(connection: Connection) -> bool:
    """Whether the server has closed it; nothing may be waiting to be read either."""
    try:
        return bool(connection.can_read())
    except (ConnectionError, TimeoutError, OSError):
        return True
