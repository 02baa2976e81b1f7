"""Whole lines over a pipe that never blocks; between a worker and its keeper."""

from __future__ import annotations

import os
from typing import Any

import msgspec

_READ = 1 << 18
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Any])


class Lines:
    """The lines that arrive at the reading end. ``closed``: nobody can write any more, and all has been read."""

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
    """One message: a JSON array on a line. Three of them tell of each job, so their cost counts."""
    return _encoder.encode(words) + b"\n"


def decode(line: bytes) -> list[Any] | None:
    """The words of one message; None for a line that is none."""
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        return None
