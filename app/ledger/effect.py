"""An effect in SQL, in one transaction with what the run says of itself, and only while the run owns its job (R7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from app import db
from app.broker.current import RunningJob
from app.broker.errors import LeaseLost
from app.broker.recorder import RecorderUnavailable, Start
from app.clock import from_ms, utc_now
from app.ledger.ends import write_attempts
from app.ledger.error_groups import group_failures
from app.ledger.errors import is_operational, unavailable_when_operational
from app.ledger.rows import JOB, job_status
from app.models.job_status import Status


@dataclass(frozen=True, slots=True)
class Accounts:
    """How far a job has come through a user's accounts; ``errors`` holds the reason of each that failed."""

    total: int
    processed: int
    errors: Mapping[str, str]


@dataclass(slots=True)
class Effect:
    """The end of a run, to be filled in by whoever has the effect. ``session`` commits with it."""

    session: Session
    status: Literal["completed", "partial", "failed"] = "completed"
    return_value: Any = None
    error: str | None = None
    accounts: Accounts | None = None


@contextmanager
def effect(job: RunningJob) -> Iterator[Effect]:
    """The block's effect and the job's end, both or neither; afterwards the engine writes only Redis.

    Keep the block short and its actor's last act. Raises LeaseLost, with nothing written, if the job was ended or
    started again meanwhile, and RecorderUnavailable while the database is away: run the job again, its row knows.
    """
    start = _start_of(job)
    with unavailable_when_operational(), Session(db.engine(), expire_on_commit=False) as session:
        outcome = Effect(session)
        yield outcome
        ended_at = utc_now()
        kind = Status(outcome.status)
        values = {
            JOB.status: kind,
            JOB.attempts_made: job.claim.attempt,
            JOB.ended_at: ended_at,
            JOB.completed_at: None if kind is Status.FAILED else ended_at,
            JOB.failed_at: ended_at if kind is Status.FAILED else None,
            JOB.duration_ms: max(int(ended_at.timestamp() * 1000) - job.started_ms, 0),
            JOB.return_value: outcome.return_value,
            JOB.error: outcome.error,
            **_accounts(outcome.accounts),
        }
        by_this_run = JOB.ended_at.is_not(None)
        if _write_fenced(session, start, values):
            attempt = {
                "job": start.row,
                "run": start.run,
                "attempt": job.claim.attempt,
                "kind": kind,
                "worker": job.claim.worker,
                "started_at": from_ms(job.started_ms),
                "ended_at": ended_at,
                "error": outcome.error,
            }
            write_attempts(session.connection(), [attempt])
            if kind is Status.FAILED:
                failure = {"id": start.row, "error": outcome.error, "stacktrace": None, "ended_at": ended_at}
                group_failures(session.connection(), [failure])
            _commit(session, start, by_this_run)
        else:
            session.rollback()
            if not _stands(start, by_this_run):
                raise LeaseLost(job.queue, job.id, start.run)
    job.recorded = True


@contextmanager
def step(job: RunningJob, checkpoint: Any, accounts: Accounts | None = None) -> Iterator[Session]:
    """The block's effect and the checkpoint (any JSON value) that says so, both or neither; the run goes on.

    The next run finds the checkpoint in its ``start``. Raises as ``effect`` does.
    """
    start = _start_of(job)
    with unavailable_when_operational(), Session(db.engine(), expire_on_commit=False) as session:
        yield session
        values = {JOB.checkpoint: checkpoint, JOB.step: JOB.step + 1, **_accounts(accounts)}
        if not _write_fenced(session, start, values):
            session.rollback()
            raise LeaseLost(job.queue, job.id, start.run)
        written = session.scalars(select(JOB.step).where(JOB.id == start.row)).one()
        _commit(session, start, JOB.step >= written)


def _start_of(job: RunningJob) -> Start:
    if job.start is None or not job.start.row:
        raise LookupError(
            f"job {job.id!r} in queue {job.queue!r} runs without a ledger: it cannot have a fenced effect"
        )
    return job.start


def _accounts(accounts: Accounts | None) -> dict[ColumnElement[Any], Any]:
    if accounts is None:
        return {}
    return {
        JOB.accounts_total: accounts.total,
        JOB.accounts_processed: accounts.processed,
        JOB.account_errors: dict(accounts.errors),
    }


def _write_fenced(session: Session, start: Start, values: Mapping[Any, Any]) -> bool:
    """Whether the run still owned its row, which is then changed and locked until the commit."""
    fence = (JOB.id == start.row, JOB.run == start.run, JOB.ended_at.is_(None))
    session.flush()
    return session.connection().execute(update(job_status).where(*fence).values(values)).rowcount == 1


def _commit(session: Session, start: Start, stands: ColumnElement[bool]) -> None:
    """Commit; when the reply is lost, look whether it went through."""
    try:
        session.commit()
    except Exception as error:
        if not is_operational(error):
            raise
        session.invalidate()
        if not _stands(start, stands):
            raise RecorderUnavailable(f"the effect of run {start.run} was not committed: {error}") from error


def _stands(start: Start, condition: ColumnElement[bool]) -> bool:
    """Whether this very run has left that in its row: no other writes under its number."""
    mine = (JOB.id == start.row, JOB.run == start.run, condition)
    with db.engine().connect() as connection:
        return connection.execute(select(JOB.id).where(*mine)).first() is not None
