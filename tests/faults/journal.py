"""The ledger outside the system: what really happened, each process in a file of its own that no crash takes back."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. ``at`` is Unix time; ``process`` names the file, ``pid`` who wrote it.

    Events: ``intent`` before a job is added, ``accepted`` after it; ``start``, ``effect`` (committed) and ``end`` of a
    run; ``fault``, whose key says what was done, and whose detail to whom (mostly a pid).
    """

    at: float
    event: str
    key: str
    detail: str
    process: str

    @property
    def pid(self) -> int:
        """Of the process that wrote it."""
        return int(self.process.partition("-")[0])


class Journal:
    """This process's file. A line is one write: it is there whole, or not at all, whatever ends the process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(exist_ok=True)
        path = directory / f"{os.getpid()}-{secrets.token_hex(4)}.log"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, event: str, *keys: str, detail: str = "-") -> None:
        """A line for each key; neither holds a space."""
        at = time.time()
        os.write(self._file, "".join(f"{at:.6f} {event} {key} {detail}\n" for key in keys).encode())

    def close(self) -> None:
        """No more lines."""
        os.close(self._file)


def read(directory: Path) -> list[Line]:
    """Everything that happened so far, in time's order; within a process, in its own."""
    lines = []
    for path in sorted(directory.glob("*.log")):
        for text in path.read_text().splitlines():
            at, event, key, detail = text.split(" ")
            lines.append(Line(float(at), event, key, detail, path.stem))
    return sorted(lines, key=lambda line: line.at)
