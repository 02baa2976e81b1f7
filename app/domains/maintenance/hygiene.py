"""Hygiene, kind by kind: old logs, expired tokens, temporary files (S3-7). A dry run tells what would go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from app import db
from app.broker.connection import connect
from app.domains.maintenance.backups import folder_of_backups
from app.domains.maintenance.old_files import OldFiles
from app.domains.maintenance.old_tokens import OldTokens
from app.domains.maintenance.retention import old_rows
from app.jobs.payloads import CleanupKind
from app.ledger import audit
from app.settings import settings

log = logging.getLogger(__name__)

CLEANER = "cleanup"
#: What has been written to within an hour belongs to a job that runs, whatever age was asked for.
AT_LEAST = timedelta(hours=1)
#: Without an age, a temporary file of this one is what a crash has left.
FORGOTTEN = timedelta(days=1)
NAMED = 20


class Removable(Protocol):
    """Something that may go."""

    def count(self) -> int:
        """How much of it there is."""

    def remove(self) -> int:
        """Let it go; returns how much went."""


def clean_up(
    kind: CleanupKind,
    now: datetime,
    before: datetime | None = None,
    *,
    dry_run: bool = False,
    tell: Callable[[str], object] = log.info,
) -> dict[str, int]:
    """Remove what is older than its retention, or than ``before``; returns how much of what went, or would go.

    What goes is told line by line; what went is on the audit trail.
    """
    going = removable(kind, now, before)
    _tell_names(going, tell)
    if dry_run:
        return _told({name: one.count() for name, one in going.items()}, "would go", tell)
    gone = _told({name: one.remove() for name, one in going.items()}, "removed", tell)
    if any(gone.values()):
        with db.session() as session:
            audit.record(session, CLEANER, f"{kind}.removed", "cleanup", at=now, details=gone)
    return gone


def removable(kind: CleanupKind, now: datetime, before: datetime | None = None) -> Mapping[str, Removable]:
    """What a clean-up of that kind removes, by what it is."""
    match kind:
        case "old_logs":
            return {**old_rows(now, before), "files": _rotated_logs(now, before)}
        case "expired_tokens":
            age = None if before is None else now - before
            return {"tokens": OldTokens(connect(settings().cache_redis_url), age)}
        case "temp_files":
            unused = min(before or now - FORGOTTEN, now - AT_LEAST)
            expired = now - timedelta(days=settings().export_keep_days)
            return {
                "expired": OldFiles(settings().export_folder, ("exports-*", "reports-*"), expired),
                "unfinished": OldFiles(settings().export_folder, ("*.part",), unused),
                "backups": OldFiles(folder_of_backups(), (".toril-*.gz.*",), unused),
            }


def _tell_names(going: Mapping[str, Removable], tell: Callable[[str], object]) -> None:
    for name, one in going.items():
        if isinstance(one, OldFiles) and (names := one.names()):
            tell(f"{name}: {', '.join(names[:NAMED])}" + (" …" if len(names) > NAMED else ""))


def _told(counts: dict[str, int], what: str, tell: Callable[[str], object]) -> dict[str, int]:
    tell(", ".join(f"{name}: {count} {what}" for name, count in counts.items() if count) or f"nothing {what}")
    return counts


def _rotated_logs(now: datetime, before: datetime | None) -> OldFiles:
    """Not those that are written to: their programs would go on writing into nothing."""
    kept = now - timedelta(days=settings().log_retention_days)
    return OldFiles(settings().var_dir / "log", ("*.log.[0-9]*",), before or kept)
