"""One run of an entry, from its claim to its recorded end: the robust template (S4-9).

Pre-checks, body, cleanup; on an error a log line, an alert and the error itself again, so that the engine's attempts
apply. The whole run is under the entry's timeout, which travels with the job.
"""

from __future__ import annotations

import logging
import os
import signal
from datetime import timedelta
from typing import Any

import structlog
from dramatiq.errors import RateLimitExceeded
from dramatiq.middleware import Shutdown, TimeLimitExceeded
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db
from app.broker.current import RunningJob, current_job
from app.broker.errors import LeaseLost, Park, RateLimited, Unrecoverable
from app.broker.interrupts import Cancelled
from app.broker.recorder import RecorderUnavailable
from app.clock import utc_now
from app.crontab import entries
from app.crontab.alert import alert
from app.crontab.code import Job, jobs
from app.crontab.memory import MemoryLimitExceeded, MemoryWatch, watching
from app.crontab.running import Run, running
from app.crontab.sessions import (
    create_session,
    end_session,
    get_running,
    record_skipped,
    set_waiting,
    take_over,
)
from app.crontab.slots import Skipped, parse_slot
from app.jobs.engine import broker
from app.jobs.payloads import Slot
from app.ledger.effect import effect
from app.ledger.errors import unavailable_when_operational
from app.models.cron_session import CronSession, SessionStatus
from app.models.crontab_entry import CrontabEntry

log = structlog.get_logger(__name__)

#: Under the policy *all*, slots of an entry wait for each other so long at a time.
WAIT = timedelta(seconds=5)

#: The run has not ended: it goes on later, or elsewhere, and its session with it.
PUT_OFF = (Park, RateLimited, RateLimitExceeded, Shutdown, RecorderUnavailable)
FINAL = (Unrecoverable, Cancelled, MemoryLimitExceeded)


def run_entry(asked: Slot) -> Any:
    """Run the entry's body and record it; returns what it counted, or why it did not run. Called inside an actor."""
    job = current_job()
    with unavailable_when_operational():
        begun = _begin(job, asked)
    if isinstance(begun, str):
        log.warning("cron.skipped", jobName=asked.entry, slot=asked.slot, reason=begun)
        return {"skipped": begun}
    entry, run = begun
    execution = _Execution(job, entry, run)
    try:
        with watching(execution.memory):
            result = execution.body()
        execution.completed(result)
    except PUT_OFF:
        with unavailable_when_operational(), db.session() as session:
            set_waiting(session, run.session_id, job.claim.worker)
        raise
    except LeaseLost:
        raise  # another run has the session by now
    except BaseException as error:
        execution.failed(error)
        if isinstance(error, MemoryLimitExceeded):
            raise Unrecoverable(execution.reason(error)) from error
        raise
    return result


class _Execution:
    """The run, its limits and its ends."""

    def __init__(self, job: RunningJob, entry: CrontabEntry, run: Run) -> None:
        self._job = job
        self._entry = entry
        self._run = run
        self.memory = MemoryWatch(entry.memory_limit_mb, self._ask_to_end, self._end_process)

    def body(self) -> Any:
        """Pre-checks, the body itself, and the cleanup whatever happens."""
        job = jobs()[self._entry.job]
        with running(self._run):
            try:
                _check(job)
                return job.run(logging.getLogger(f"crontab.{self._entry.id}"))
            finally:
                if job.cleanup is not None:
                    job.cleanup()

    def completed(self, result: Any) -> None:
        """The session's end and the job's own are one transaction, of the run that owns the job (R7)."""
        with effect(self._job) as ending:
            ended = self._end_session(ending.session)
            ending.return_value = result
        self._tell(ended)

    def failed(self, error: BaseException) -> None:
        """The session fails now; the engine ends the job, or runs it again, when the error reaches it."""
        reason, attempts = self.reason(error), self._job.claim.attempts
        will_retry = self._job.claim.attempt < attempts and not isinstance(error, FINAL)
        with unavailable_when_operational(), db.session() as session:
            record = session.get_one(CronSession, self._run.session_id)
            if record.status != SessionStatus.RUNNING or record.worker != self._job.claim.worker:
                return  # its end is written already, or it is another run's by now
            self._end_session(session, reason, will_retry=will_retry)
            if self._entry.alert_on_failure and not will_retry:
                alert(self._entry, record, reason)
        log.error("cron.failed", jobName=self._entry.id, session=self._run.session_id, error=reason)
        self._tell(record)
        if self.memory.is_over:
            # The supervisor starts the process anew: memory that was once taken is rarely given back.
            log.warning("cron.recycle", jobName=self._entry.id, reason=reason)
            os.kill(os.getpid(), signal.SIGTERM)

    def reason(self, error: BaseException) -> str:
        """What a reader of the session needs to know."""
        match error:
            case TimeLimitExceeded():
                return f"it ran into its time limit of {self._entry.timeout_s} s"
            case MemoryLimitExceeded():
                return f"it used over {self._entry.memory_limit_mb} MB of memory"
            case Cancelled():
                return "cancelled"
        return str(error) or type(error).__name__

    def _end_session(self, session: Session, error: str | None = None, *, will_retry: bool = False) -> CronSession:
        return end_session(
            session,
            self._run.session_id,
            utc_now(),
            error=error,
            will_retry=will_retry,
            details=self._run.details,
            use=self.memory.use(),
        )

    def _tell(self, ended: CronSession) -> None:
        """The line of S4-10 and S4-15, with the figures of the session."""
        log.info(
            "Job execution completed",
            event_name="cron.ended",
            jobName=self._entry.id,
            duration=ended.duration_ms,
            success=ended.status == SessionStatus.COMPLETED,
            memoryUsed=ended.memory_used,
            peakMemory=ended.peak_memory,
        )

    def _ask_to_end(self) -> None:
        broker().engine.interrupts.interrupt((self._job.queue, self._job.id), MemoryLimitExceeded)

    def _end_process(self) -> None:
        """It does not heed exceptions: its end is written for it, then its process killed; neighbours run elsewhere."""
        reason = f"{self.reason(MemoryLimitExceeded())} and did not end when it was asked to"
        try:
            with effect(self._job) as ending:
                self._end_session(ending.session, reason)
                ending.status, ending.error = "failed", reason
        except LeaseLost:
            return  # it has ended after all
        log.critical("cron.killed", jobName=self._entry.id, reason=reason)
        broker().engine.leases.stopping()  # so that nobody is charged with this death
        os.kill(os.getpid(), signal.SIGKILL)


def _begin(job: RunningJob, asked: Slot) -> tuple[CrontabEntry, Run] | str:
    """The entry and its RUNNING session, or why this slot does not run. Raises Park while another slot runs first."""
    now, slot = utc_now(), parse_slot(asked.slot)
    worker, attempt = job.claim.worker, job.claim.attempt
    with db.session() as session:
        taken = take_over(session, job.id, worker, attempt)
        entry = _entry_of(session, asked)
        if entry is None:
            reason = f"entry {asked.entry!r} was changed or stopped after this slot was added"
            if taken is not None:
                end_session(session, taken, now, error=reason)
            return reason
        session_id = taken or create_session(
            session, entry.id, slot, now, job_id=job.id, manual=asked.manual, worker=worker, attempt=attempt
        )
        if session_id is not None:
            return entry, Run(entry.id, slot, session_id, entry.data, asked.manual)
        busy = get_running(session, entry.id)
        if busy and entry.catch_up != "all":
            reason = f"session {busy[0].id} has been running since {busy[0].start_time.isoformat(timespec='seconds')}"
            record_skipped(session, entry.id, Skipped(1, slot, slot), now, reason)
            return reason
    raise Park(now + WAIT, f"another slot of {asked.entry} runs")


def _entry_of(session: Session, asked: Slot) -> CrontabEntry | None:
    if asked.manual:
        entry = session.get(CrontabEntry, asked.entry)
        return entry if entry is not None and entry.job in jobs() else None
    return entries.runnable(session, asked.entry, parse_slot(asked.slot), asked.version)


def _check(job: Job) -> None:
    """What every run needs, and what this job says it needs."""
    with unavailable_when_operational(), db.reading() as session:
        session.execute(select(1))
    broker().redis.ping()
    if job.check is not None:
        job.check()
