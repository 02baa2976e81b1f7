"""Whole JSON lines over a pipe that never blocks; between a worker and its keeper."""

from __future__ import annotations

import json
import os
from typing import Any

_READ = 1 << 18


class Lines:
    """The lines that have arrived at the reading end. ``closed``: nobody can write any more, and all has been read."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.closed = False
        self._partial = b""

    def arrived(self) -> list[bytes]:
        """The whole lines that are there now, to the pipe's end; the last one, cut by a death, is dropped."""
        while not self.closed:
            try:
                chunk = os.read(self.fd, _READ)
            except BlockingIOError:
                break
            self._partial += chunk
            self.closed = not chunk
        *lines, self._partial = self._partial.split(b"\n")
        return lines


def encode(*words: Any) -> bytes:
    """One message: an array on a line."""
    return json.dumps(words, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> list[Any] | None:
    """The words of one message; None for a line that is not one of ours."""
    if not line.startswith(b"["):
        return None
    try:
        words: list[Any] = json.loads(line)
    except ValueError:
        return None
    return words
