"""What is old goes: sessions, the audit trail, snapshots, notes of sent mails, ended jobs (S4-8, S4-14).

A thousand rows a transaction, so that nobody waits long for a clean-up.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app import db
from app.jobs.engine import broker
from app.ledger import audit
from app.ledger.retention import Retention
from app.models.audit_entry import AuditEntry
from app.models.cron_session import CronSession
from app.models.sent_mail import SentMail
from app.models.snapshot import Snapshot
from app.settings import settings

AT_ONCE = 1_000
CLEANER = "retentionCleanup"


def trim_everything(now: datetime) -> dict[str, int]:
    """Each by its own retention; returns how many rows went. That the trail was trimmed is in the trail."""
    given = settings()
    trail = _trim(AuditEntry.id, AuditEntry.at < now - timedelta(days=given.audit_retention_days))
    if trail:
        with db.session() as session:
            audit.record(session, CLEANER, "audit.trimmed", "audit trail", at=now, details={"rows": trail})
    snapshots_before = now - timedelta(days=given.snapshot_retention_days)
    return {
        "jobs": trim_ledger(now),
        "sessions": trim_sessions(now),
        "audit": trail,
        "snapshots": _trim(Snapshot.id, Snapshot.taken_at < snapshots_before),
        "mails": _trim(SentMail.message_id, SentMail.sent_at < snapshots_before),
    }


def trim_sessions(now: datetime) -> int:
    """Sessions that ended before SESSION_RETENTION_DAYS; each entry's newest stays, and what runs."""
    newest = select(func.max(CronSession.id)).group_by(CronSession.entry_id)
    before = now - timedelta(days=settings().session_retention_days)
    return _trim(CronSession.id, CronSession.end_time < before, CronSession.id.not_in(newest))


def trim_ledger(now: datetime) -> int:
    """Rows of jobs that ended long ago. The producer does so all the time: here is what it has not come to."""
    trim = Retention(broker(), keep=timedelta(days=settings().ledger_retention_days))
    return sum(iter(lambda: trim(now), 0))


def _trim(key: InstrumentedAttribute[Any], *old: ColumnElement[bool]) -> int:
    page = select(key).where(*old).order_by(key).limit(AT_ONCE)
    trimmed = 0
    while True:
        with db.session() as session:
            gone = session.connection().execute(delete(key.class_).where(key.in_(page))).rowcount
        trimmed += gone
        if gone < AT_ONCE:
            return trimmed
