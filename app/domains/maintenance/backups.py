"""A backup each night, and the oldest ones gone (S4-14)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from app import db
from app.settings import settings

NAMED = "toril-*.jsonl.gz"


def back_up(slot: datetime) -> dict[str, Any]:
    """Write the slot's file, whole or not at all, and keep the newest BACKUP_KEEP; returns what was written.

    The slot names the file, so that a second attempt replaces what the first has left.
    """
    # It brings the migrations along, which no other job of a worker needs.
    from app import backup

    folder = folder_of_backups()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"toril-{slot:%Y%m%dT%H%M%S}.jsonl.gz"
    rows = backup.write(db.engine(), path)
    old = sorted(folder.glob(NAMED))[: -settings().backup_keep]
    for file in old:
        file.unlink()
    return {"file": path.name, "rows": sum(rows.values()), "bytes": path.stat().st_size, "removed": len(old)}


def folder_of_backups() -> Path:
    """BACKUP_DIR, else ``backups`` under TORIL_VAR."""
    given = settings()
    return Path(given.backup_dir) if given.backup_dir else given.var_dir / "backups"
