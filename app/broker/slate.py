"""What a worker runs just now, in memory that its keeper reads: written without a system call, read when it is mute."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from typing import NamedTuple

#: The number of the claim, 0 for a free slot; the hard limit in ms, 0 for none; the start on the monotonic clock.
_SLOT = struct.Struct("=QQd")
_FREE = _SLOT.pack(0, 0, 0.0)
SLOTS = 1024


class Started(NamedTuple):
    """A run that is under way. ``at`` is ``time.monotonic()``, which a machine's processes share."""

    at: float
    limit_ms: int | None

    @property
    def overdue_at(self) -> float | None:
        """When it is past its hard limit."""
        return None if self.limit_ms is None else self.at + self.limit_ms / 1000


class Slate:
    """One slot a run. Written by one process, under its lock; ``fd`` is what another one opens it by."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._memory = mmap.mmap(fd, SLOTS * _SLOT.size)
        self._free = list(range(0, SLOTS * _SLOT.size, _SLOT.size))
        self._slots: dict[str, int] = {}

    @classmethod
    def new(cls) -> Slate:
        """An empty one. Its file has no name, and is gone with its last process."""
        with tempfile.TemporaryFile() as file:
            file.truncate(SLOTS * _SLOT.size)
            return cls(os.dup(file.fileno()))

    def write(self, token: str, run: Started) -> None:
        """The claim under this token runs from now on. With more runs than slots, it goes without."""
        if self._free:
            slot = self._slots[token] = self._free.pop()
            _SLOT.pack_into(self._memory, slot, number_of(token), run.limit_ms or 0, run.at)

    def wipe(self, token: str) -> None:
        """Its run is over."""
        slot = self._slots.pop(token, None)
        if slot is not None:
            self._memory[slot : slot + _SLOT.size] = _FREE
            self._free.append(slot)

    def read(self) -> dict[int, Started]:
        """The runs that are under way, by the numbers of their claims."""
        slots = _SLOT.iter_unpack(self._memory[:])
        return {number: Started(at, limit_ms or None) for number, limit_ms, at in slots if number}

    def close(self) -> None:
        """No more reading or writing here."""
        self._memory.close()
        os.close(self.fd)


def number_of(token: str) -> int:
    """The claim's number in its lock token, ``<worker>:<n>``; 0 for another kind of token."""
    tail = token.rpartition(":")[2]
    return int(tail) if tail.isdigit() else 0
