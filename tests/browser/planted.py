"""Each hostile text in every place where somebody else's words are shown."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from app import db
from app.clock import utc_now
from app.jobs.catalog import USER_UPDATES
from app.jobs.engine import find_queue
from app.jobs.user_updates import enqueue_user
from app.models.audit_entry import AuditEntry
from app.models.cron_session import CronSession, SessionStatus
from app.models.error_group import ErrorGroup
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus, Status
from app.models.job_template import JobTemplate
from app.models.seller_account import SellerAccount
from app.models.user import Role, User
from app.models.worker import Worker
from tests.acceptance.system import System


class Planted(NamedTuple):
    """The texts' jobs, users and groups of failures, in their order."""

    jobs: list[str]
    users: list[str]
    groups: list[str]


def plant(system: System, texts: tuple[str, ...]) -> Planted:
    """The real worker fails on each as a user's id; the rest is written as rows."""
    failing = [enqueue_user(text.replace(":", "")) for text in texts]
    with db.session() as session:
        for number, text in enumerate(texts):
            session.add_all(_words(number, text, utc_now()))
            session.add(_job(number, text, utc_now()))
            session.flush()
            session.add_all(_of_job(number, text, utc_now()))
    for job_id, text in zip(failing, texts, strict=True):
        system.ended(job_id)
        find_queue(USER_UPDATES).log(job_id, text)
    planted = [f"planted-{number}" for number in range(len(texts))]
    users, groups = [f"u{n}" for n in range(len(texts))], [f"{n:016}" for n in range(len(texts))]
    return Planted(planted + failing, users, groups)


def _words(number: int, text: str, at: datetime) -> list[object]:
    """Names, reasons and addresses."""
    session = {"entry_id": text, "job_name": text, "slot": at, "start_time": at, "end_time": at, "error": text}
    group = {"error_class": text, "message": text, "sample": text, "seen": 1}
    template = {"queue": text, "job_name": text, "data": {text: text}, "priority": 0, "delay_ms": 0}
    return [
        User(id=f"u{number}", email=f"{text}@example.com", password_hash="", role=Role.USER),
        AuditEntry(at=at, actor=text, action=text, target=text, why=text, details={text: text}),
        CronSession(**session, worker=text, status=SessionStatus.FAILED, details={text: text}),
        ErrorGroup(id=f"{number:016}", first_seen_at=at, last_seen_at=at, **group),
        JobTemplate(name=f"planted-{number}", changed_by=text, changed_at=at, **template),
        Worker(name=text, started_at=at, seen_at=at),
    ]


def _job(number: int, text: str, at: datetime) -> JobStatus:
    """A failed job of that user."""
    return JobStatus(
        id=1_000_000 + number, queue=USER_UPDATES, job_id=f"planted-{number}", added_ms=number, name=text,
        user_id=f"u{number}", data={text: text}, opts={text: text}, attempts=1, attempts_made=1, run=1,
        status=Status.FAILED, worker=text, queued_at=at, started_at=at, ended_at=at, settled_at=at, duration_ms=1,
        error=text, error_group=f"{number:016}", return_value={text: text},
    )  # fmt: skip


def _of_job(number: int, text: str, at: datetime) -> list[object]:
    """Its run, and an account that cannot be refreshed."""
    run = JobAttempt(
        job=1_000_000 + number, run=1, attempt=1, kind="failed", worker=text, version=text, started_at=at, ended_at=at,
        error=text, stacktrace=text,
    )  # fmt: skip
    account = SellerAccount(
        user_id=f"u{number}", country=text, region=text, seller_id=text, state="needs_reauthorisation",
        state_reason=text, refresh_token="sealed",
    )  # fmt: skip
    return [run, account]
