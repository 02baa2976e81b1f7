"""The trail of operators' acts: written in the transaction of the act itself, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

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


def trail(target: str | None = None, *, limit: int | None = None, before: int | None = None) -> Select[AuditEntry]:
    """What was done, the newest first; of one target, or of all. ``before`` is the last ``id`` of the page before."""
    entries = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if target is not None:
        entries = entries.where(AuditEntry.target == target)
    return entries if before is None else entries.where(AuditEntry.id < before)


class ShownAct(TypedDict):
    """An act as the API shows it."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    reason: str | None
    details: Any


def as_dict(entry: AuditEntry) -> ShownAct:
    """The act as the API shows it."""
    return {
        "id": entry.id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "reason": entry.why,
        "details": entry.details,
    }
