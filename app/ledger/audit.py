"""The trail of operators' acts: written in the transaction of the act itself, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.models.audit_entry import AuditEntry


def record(
    session: Session,
    actor: str,
    action: str,
    target: str,
    *,
    at: datetime,
    why: str | None = None,
    details: Any = None,
) -> None:
    """Somebody does something to something. ``details`` are JSON without secrets, such as old and new values."""
    session.add(AuditEntry(at=at, actor=actor, action=action, target=target, why=why, details=details))
    session.flush()


def trail(target: str | None = None) -> Select[AuditEntry]:
    """What was done, the newest first; of one target, or of all."""
    entries = select(AuditEntry).order_by(AuditEntry.id.desc())
    return entries if target is None else entries.where(AuditEntry.target == target)
