"""What the engine would say of a job, in short; and a look at the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db
from app.broker.current import RunningJob
from app.broker.recorder import Claim, End, EndKind, NewJob, Start
from app.ledger.recorder import Ledger
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus

NINE_MS = 1_767_258_000_000  # 2026-01-01T09:00:00Z


def new_job(job_id: str = "1", **changed: Any) -> NewJob:
    """A job of one user, added at nine."""
    fields = {"queue": "user-updates", "name": "process_user_data", "data": {"user_id": "7"}, "added_ms": NINE_MS}
    return NewJob(**{**fields, "id": job_id, "attempts": 4, "opts": {"attempts": 4}, **changed})


def claim(job: NewJob, **changed: Any) -> Claim:
    """Its first claim, a second later."""
    fields: dict[str, Any] = {
        "queue": job.queue,
        "id": job.id,
        "added_ms": job.added_ms,
        "name": job.name,
        "data": job.data,
        "worker": "w1",
        "claimed_ms": job.added_ms + 1_000,
        "attempt": 1,
        "attempts": job.attempts,
        "crashes": 0,
        "deferred_failure": None,
        "opts": job.opts,
    }
    return Claim(**{**fields, **changed})


def end(claimed: Claim, start: Start | None, kind: EndKind = EndKind.COMPLETED, **changed: Any) -> End:
    """Its end, two seconds after the claim."""
    fields: dict[str, Any] = {"started_ms": claimed.claimed_ms, "ended_ms": claimed.claimed_ms + 2_000}
    return End(claim=claimed, start=start, kind=kind, **{**fields, **changed})


class Silent:
    """A writer for a job that writes nothing of itself."""

    def update_progress(self, job_id: str, progress: Any) -> None:
        """Nothing."""

    def update_data(self, job_id: str, data: Any) -> None:
        """Nothing."""

    def log(self, job_id: str, line: str, keep: int | None = None) -> int:
        """Nothing."""
        return 0


def running(claimed: Claim, start: Start | None) -> RunningJob:
    """The job as its actor sees it."""
    return RunningJob(claimed, start, Silent(), started_ms=claimed.claimed_ms)


def promised(ledger: Ledger, job: NewJob) -> Claim:
    """A job that is promised, added and claimed; its start is not asked for yet."""
    ledger.before_add([job])
    ledger.added([job])
    return claim(job)


def started(ledger: Ledger, claimed: Claim) -> Start:
    """The start of one claim."""
    (verdict,) = ledger.claimed([claimed])
    assert isinstance(verdict, Start), verdict
    return verdict


def all_rows() -> Sequence[JobStatus]:
    """Every row, in order."""
    with Session(db.engine()) as session:
        return session.scalars(select(JobStatus).order_by(JobStatus.id)).all()


def only_row() -> JobStatus:
    """The one row there is."""
    (row,) = all_rows()
    return row


def all_attempts() -> Sequence[JobAttempt]:
    """Every ended run, in order."""
    with Session(db.engine()) as session:
        return session.scalars(select(JobAttempt).order_by(JobAttempt.job, JobAttempt.run)).all()
