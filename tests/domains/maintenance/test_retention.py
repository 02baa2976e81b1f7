"""What is old goes, each by its own retention, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app import db
from app.broker.queue import Queue
from app.domains.maintenance import retention
from app.domains.maintenance.retention import trim_everything, trim_sessions
from app.ledger import audit
from app.models.audit_entry import AuditEntry
from app.models.cron_session import CronSession, SessionStatus
from app.models.export import Export
from app.models.job_status import JobStatus
from app.models.sent_mail import SentMail
from app.models.snapshot import Snapshot
from tests.domains.maintenance.rows import NINE, SECOND, job, session
from tests.domains.publishers import conftest as publishers
from tests.domains.publishers.exports.test_ask import export
from tests.jobs import conftest as jobs

queue = jobs.queue
DAY = timedelta(days=1)
MONTH = 30 * DAY


def test_old_sessions_go_and_each_entrys_newest_stays(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends, not starts, are counted from; what runs stays; several transactions."""
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    for days in range(28, 35):
        session("daily", NINE - days * DAY - SECOND)
    session("yearly", NINE - 300 * DAY)
    session("stuck", NINE - 300 * DAY, SessionStatus.RUNNING)

    trimmed = trim_sessions(NINE + SECOND)

    with db.reading() as opened:
        left = opened.execute(select(CronSession.entry_id, CronSession.start_time).order_by(CronSession.id)).all()
    assert trimmed == 4
    ages = [(entry, (NINE - start) // DAY) for entry, start in left if entry == "daily"]
    assert ages == [("daily", 28), ("daily", 29), ("daily", 34)]
    assert [entry for entry, _ in left if entry != "daily"] == ["yearly", "stuck"]


def test_everything_goes_by_its_own_retention(queue: Queue) -> None:
    """A second older than its limit, and a second younger, of each; the trail remembers that it was cut."""
    for age, name in ((-SECOND, "young"), (SECOND, "old")):
        job(NINE - MONTH - age)
        session("a", NINE - MONTH - age - SECOND)
        with db.session() as opened:
            audit.record(opened, "7", "queue.paused", name, at=NINE - 365 * DAY - age)
            taken_at = NINE - MONTH - age
            opened.add(Snapshot(kind=name, slot=NINE, taken_at=taken_at, figures={}))
            opened.add(SentMail(message_id=name, recipient="", subject="", sent_at=taken_at))
    session("a", NINE)
    publishers.add_publisher()
    with db.session() as opened:
        opened.add_all(
            export(name, NINE - MONTH - age - 7 * DAY) for age, name in ((-SECOND, "young"), (SECOND, "old"))
        )

    trimmed = trim_everything(NINE)

    assert trimmed == {
        "jobs": 1,
        "sessions": 1,
        "audit": 1,
        "snapshots": 1,
        "mails": 1,
        "errors": 0,
        "exports": 1,
        "reports": 0,
        "serviceLogs": 0,
    }
    with db.reading() as opened:
        left = [opened.scalar(select(func.count()).select_from(one)) for one in (JobStatus, CronSession)]
        assert left == [1, 2]
        assert opened.scalars(select(Snapshot.kind)).all() == ["young"]
        assert opened.scalars(select(SentMail.message_id)).all() == ["young"]
        assert opened.scalars(select(Export.id)).all() == ["young"]
        trail = [(entry.action, entry.target, entry.details) for entry in opened.scalars(audit.trail())]
        assert trail == [("audit.trimmed", "audit trail", {"rows": 1}), ("queue.paused", "young", None)]


def test_a_trail_that_is_young_is_not_spoken_of(queue: Queue) -> None:
    """Each night would add a line."""
    trim_everything(NINE)

    with db.reading() as opened:
        assert opened.scalar(select(func.count()).select_from(AuditEntry)) == 0
