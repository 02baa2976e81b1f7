"""Real servers for tests: each on a free loopback port, gone when the test run ends."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from app import embedded_redis

T = TypeVar("T")


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class RedisServer:
    """The embedded server, or another one's binary, to be killed and started again with its data."""

    def __init__(self, directory: Path, binary: str | None = None) -> None:
        self.directory = directory
        self.binary = binary
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Returns when it answers."""
        command = embedded_redis.command(self.port, self.directory, self.binary)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, f"{self.binary or 'the embedded Redis'} to answer")

    def answers(self) -> bool:
        """Whether a PING comes back."""
        with Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except (RedisConnectionError, OSError):
                return False

    def sync_always(self) -> None:
        """From now on it forgets nothing of what it has answered; else a kill may cost its last second."""
        with Redis.from_url(self.url) as client:
            client.config_set("appendfsync", "always")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def redis_server(directory: Path, binary: str | None = None) -> Iterator[RedisServer]:
    """An embedded server, or one of that binary, for the length of the block."""
    server = RedisServer(directory, binary)
    try:
        yield server
    finally:
        server.kill()


def wait_for(condition: Callable[[], T | None], what: str, timeout_s: float = 20, every_s: float = 0.01) -> T:
    """What the condition gives, as soon as it holds; AssertionError naming what did not happen in time."""
    deadline = time.monotonic() + timeout_s
    while not (given := condition()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(every_s)
    return given
