"""Files that nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class OldFiles:
    """Plain files of one folder, not below it, whose name fits one of the patterns and that were last written then."""

    folder: Path
    patterns: tuple[str, ...]
    before: datetime

    def count(self) -> int:
        """How many there are."""
        return len(self.names())

    def names(self) -> list[str]:
        """Of all of them, in order."""
        return sorted(file.name for file in self._files())

    def remove(self) -> int:
        """Delete them; returns how many went. One that somebody else has deleted meanwhile is no error."""
        files = list(self._files())
        for file in files:
            file.unlink(missing_ok=True)
        return len(files)

    def _files(self) -> Iterator[Path]:
        found = {file for pattern in self.patterns for file in self.folder.glob(pattern)}
        return (file for file in found if not file.is_symlink() and file.is_file() and _written(file, self.before))


def _written(file: Path, before: datetime) -> bool:
    try:
        return file.stat().st_mtime < before.timestamp()
    except FileNotFoundError:
        return False
