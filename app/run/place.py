"""Whether there is room to start here: the ports are free, and nobody runs in the same ``var/``."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class CannotStart(Exception):
    """Something stands in the way; the message says what, and what would do."""


@contextmanager
def alone_in(var: Path) -> Iterator[None]:
    """Hold ``var/run.lock`` for the length of the block; CannotStart while another process holds it.

    The lock is the kernel's, so that a killed run leaves none behind.
    """
    var.mkdir(parents=True, exist_ok=True)
    with (var / "run.lock").open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held.seek(0)
            raise CannotStart(
                f"Toril already runs here (process {held.read().strip() or 'unknown'}, data in {var}): "
                "stop it with Ctrl-C there, or set TORIL_VAR and the ports to start a second one"
            ) from None
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield


def check_no_orphans(pid_file: Path) -> None:
    """CannotStart while the supervisord of a run that was killed goes on without it."""
    try:
        pid = int(pid_file.read_text())
        os.kill(pid, 0)
    except (OSError, ValueError, OverflowError):
        return  # it stopped, and took or left its file
    raise CannotStart(
        f"a run that was killed has left its processes (supervisord is process {pid}): "
        f"stop them with `kill {pid}`, or delete {pid_file} if that is another program by now"
    )


def check_ports(ports: Mapping[str, tuple[str, int]]) -> None:
    """Each ``{setting: (host, port)}`` can be bound now; CannotStart names the first that cannot."""
    for setting, (host, port) in ports.items():
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CannotStart(
                    f"port {port} on {host} is not free ({error.strerror}): "
                    f"stop what uses it, or choose another with {setting}=<port>"
                ) from None
