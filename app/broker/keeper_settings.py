"""What a keeper is told first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Self

import msgspec


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """One worker, and how long everything may take. It comes through the pipe: the URL may hold a password.

    ``worker`` is the name that its lock tokens begin with: ``<worker>:<n>``. ``grace_s`` is the time that it has to
    stop by itself once its master is dead; ``slate_fd`` is where it writes down what it runs;
    ``redis_away_s`` is how long its jobs wait for Redis once it is dead itself.
    """

    url: str
    prefix: str
    worker: str
    worker_pid: int
    master_pid: int | None
    lock_ms: int
    renew_ms: int
    check_ms: int
    max_stalled: int
    grace_s: float
    slate_fd: int | None = None
    redis_away_s: float = 60

    def to_line(self) -> bytes:
        """The first line of the pipe."""
        return msgspec.json.encode(asdict(self)) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """The same on the other side."""
        return cls(**msgspec.json.decode(line))
