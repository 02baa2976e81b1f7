"""A hold on one process: whether it has died, at once and for certain, and signals that reach no other."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable


class DeathWatch:
    """Watches a process of this machine: its child, its parent or a stranger.

    By pidfd on Linux and kqueue on macOS, so that ``fileno()`` becomes readable when it dies and its number, used
    again, deceives nobody. Elsewhere ``fileno()`` is None, and ``dead`` has to be polled. ``is_parent`` closes the
    gap in which a parent died before the watch began.
    """

    def __init__(self, pid: int, *, is_parent: bool = False) -> None:
        self.pid = pid
        self._is_parent = is_parent
        self._fd: int | None = None
        self._owner: object = None  # of the descriptor, where that is an object
        self._dead = False
        try:
            self._fd, self._owner = _open(pid)
        except ProcessLookupError:
            self._dead = True
        except OSError:
            pass  # an old kernel, or a sandbox that forbids it: polled instead
        self._orphaned()

    def fileno(self) -> int | None:
        """A descriptor that is readable once the process is dead; None where there is no such thing."""
        return self._fd

    def dead(self) -> bool:
        """Whether it has ended; a zombie has."""
        self._dead = self._dead or self._orphaned() or self._ended()
        return self._dead

    def send(self, number: signal.Signals) -> None:
        """Signal it; nothing happens if it is dead."""
        try:
            if self.dead():
                return
            if sys.platform == "linux" and self._fd is not None:
                signal.pidfd_send_signal(self._fd, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            self._dead = True

    def close(self) -> None:
        """Let go of the descriptor."""
        if self._fd is not None and self._owner is None:
            os.close(self._fd)
        self._fd = self._owner = None

    def _orphaned(self) -> bool:
        if self._is_parent and os.getppid() != self.pid:
            self._dead = True
        return self._dead

    def _ended(self) -> bool:
        if self._fd is not None:
            return bool(select.select([self._fd], [], [], 0)[0])
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def _open_pidfd(pid: int) -> tuple[int, object]:
    if sys.platform == "linux":
        return os.pidfd_open(pid), None
    raise OSError("no pidfd on this system")


def _open_kqueue(pid: int) -> tuple[int, object]:
    if sys.platform == "darwin":
        queue = select.kqueue()
        exit_of = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
        queue.control([exit_of], 0)
        return queue.fileno(), queue
    raise OSError("no kqueue on this system")


_open: Callable[[int], tuple[int, object]] = _open_kqueue if sys.platform == "darwin" else _open_pidfd
