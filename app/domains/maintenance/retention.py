"""What is old goes: sessions, the audit trail, snapshots, notes of sent mails, ended jobs (S4-8, S4-14).

A thousand rows a transaction, so that nobody waits long for a clean-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app import db
from app.jobs.engine import broker
from app.ledger import audit
from app.ledger.error_groups import forgotten
from app.ledger.retention import Retention
from app.models.audit_entry import AuditEntry
from app.models.cron_session import CronSession
from app.models.error_group import ErrorGroup
from app.models.export import Export
from app.models.report import Report
from app.models.sent_mail import SentMail
from app.models.service_log import ServiceLog
from app.models.snapshot import Snapshot
from app.settings import settings

AT_ONCE = 1_000
CLEANER = "retentionCleanup"


@dataclass(frozen=True, slots=True)
class OldRows:
    """Rows that may go: those whose ``key`` meets all the conditions."""

    key: InstrumentedAttribute[Any]
    conditions: tuple[ColumnElement[bool], ...]

    def count(self) -> int:
        """How many there are."""
        with db.reading() as session:
            return session.scalar(select(func.count(self.key)).where(*self.conditions)) or 0

    def remove(self) -> int:
        """Delete them, a thousand a transaction; returns how many went."""
        page = select(self.key).where(*self.conditions).limit(AT_ONCE).scalar_subquery()
        removed = 0
        while True:
            with db.session() as session:
                gone = session.connection().execute(delete(self.key.class_).where(self.key.in_(page))).rowcount
            removed += gone
            if gone < AT_ONCE:
                return removed


def old_rows(now: datetime, before: datetime | None = None) -> Mapping[str, OldRows]:
    """What has outlived its retention, by what it is; ``before`` that moment instead, where it is given.

    It shortens neither the audit trail's retention, which would hide an operator's own acts, nor that of sent mails,
    which would be sent again.
    """
    given = settings()
    newest = select(func.max(CronSession.id)).group_by(CronSession.entry_id)
    sessions = before or now - timedelta(days=given.session_retention_days)
    snapshots = now - timedelta(days=given.snapshot_retention_days)
    trail = now - timedelta(days=given.audit_retention_days)
    jobs = now - timedelta(days=given.ledger_retention_days)
    logs = now - timedelta(days=given.log_retention_days)
    return {
        "sessions": OldRows(CronSession.id, (CronSession.end_time < sessions, CronSession.id.not_in(newest))),
        "snapshots": OldRows(Snapshot.id, (Snapshot.taken_at < (before or snapshots),)),
        "audit": OldRows(AuditEntry.id, (AuditEntry.at < min(before or trail, trail),)),
        "errors": OldRows(ErrorGroup.id, forgotten(jobs)),
        "exports": OldRows(Export.id, (Export.expires_at < jobs,)),
        "reports": OldRows(Report.id, (Report.expires_at < jobs,)),
        "serviceLogs": OldRows(ServiceLog.id, (ServiceLog.seen_at < (before or logs),)),
        "mails": OldRows(SentMail.message_id, (SentMail.sent_at < min(before or snapshots, snapshots),)),
    }


def trim_everything(now: datetime) -> dict[str, int]:
    """Each by its own retention; returns how many rows went. That the trail was trimmed is in the trail."""
    trimmed = {"jobs": trim_ledger(now), **{name: rows.remove() for name, rows in old_rows(now).items()}}
    if trimmed["audit"]:
        with db.session() as session:
            details = {"rows": trimmed["audit"]}
            audit.record(session, CLEANER, "audit.trimmed", "audit trail", at=now, details=details)
    return trimmed


def trim_sessions(now: datetime) -> int:
    """Sessions that ended before SESSION_RETENTION_DAYS; each entry's newest stays, and what runs."""
    return old_rows(now)["sessions"].remove()


def trim_ledger(now: datetime) -> int:
    """Rows of jobs that ended long ago. The producer does so all the time: here is what it has not come to."""
    trim = Retention(broker(), keep=timedelta(days=settings().ledger_retention_days))
    return sum(iter(lambda: trim(now), 0))
