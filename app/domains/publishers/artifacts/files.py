"""Where artifacts are: names that no caller has a say in, files that are whole or not there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from app.settings import settings


def artifact_file(table: str, artifact_id: str, suffix: str) -> Path:
    """The file of an artifact: ``exports-<32 hexadecimal digits>.csv``, whatever its id holds."""
    digest = hashlib.sha256(artifact_id.encode()).hexdigest()[:32]
    return settings().export_folder / f"{table}-{digest}.{suffix}"


def kept_for() -> timedelta:
    """How long files stay."""
    return timedelta(days=settings().export_keep_days)


@contextmanager
def published(path: Path, run: int) -> Iterator[BinaryIO]:
    """A file beside the path, which takes its place at the end, safely on the disk; after an error it is gone.

    Each run of a job writes its own, so that one that has lost its lease spoils nothing.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{run}.part")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
