"""The admins read what the day has brought."""

from __future__ import annotations

from sqlalchemy import Engine

from app import db
from app.models.cron_session import SessionStatus
from app.models.job_status import Status
from app.models.user import Role, User
from tests import smtp
from tests.crontab.jobs.running import run_job
from tests.domains.maintenance.rows import HOUR, NINE, SECOND, job, session
from tests.smtp import Mailbox

mailbox = smtp.mailbox

TEXT = """24 hours up to 2026-01-01 09:00 UTC

Users refreshed: 1
Jobs completed: 1
Jobs partial: 0
Jobs failed: 2
Jobs cancelled: 0
Scheduled runs failed: 1

No scheduled run is overdue.
"""


def test_the_days_totals_are_mailed_to_the_admins(database: Engine, mailbox: Mailbox) -> None:
    """Once; what ended a second before, or after, is another day's."""
    for key, role in (("admin", Role.ADMIN), ("operator", Role.OPERATOR)):
        with db.session() as opened:
            opened.add(User(id=key, email=f"{key}@x.example", password_hash="", role=role))
    job(NINE - HOUR, user_id="1")
    for _ in range(2):
        job(NINE - 24 * HOUR, Status.FAILED, user_id="2")
    job(NINE - 24 * HOUR - SECOND)
    job(NINE)
    session("a", NINE - HOUR, SessionStatus.FAILED)

    sent = [run_job("dailyReport", NINE)["sent"] for _ in range(2)]

    [mail] = mailbox.mails
    assert sent == [1, 0]
    assert (mail["To"], mail["Subject"]) == ("admin@x.example", "Toril, 2026-01-01")
    assert mail.get_content().replace("\r\n", "\n") == TEXT
