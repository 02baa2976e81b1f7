"""No session stays RUNNING for ever, and none is ended that lives (C24)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from app import db
from app.broker.queue import Queue
from app.crontab import entries
from app.crontab.adding import slot_job, trigger
from app.crontab.overdue import Overdue, overdue
from app.crontab.reaper import reap
from app.crontab.sessions import create_session, end_session, set_waiting
from app.jobs.enqueue import enqueue_with
from app.ledger.workers import seen
from app.models.cron_session import CronSession, SessionStatus
from app.models.job_status import JobStatus
from tests.crontab.conftest import NINE, WriteJob, all_sessions, sync

LATER = NINE + timedelta(minutes=1)


@pytest.fixture
def running(write_job: WriteJob, cron_jobs: Queue) -> int:
    """A session that worker w1 began at nine, and its job."""
    write_job("sample")
    sync(NINE)
    with db.session() as session:
        job = slot_job(entries.find(session, "sample"), NINE, 0)
        enqueue_with(session, [job])
        session_id = create_session(session, "sample", NINE, NINE, job_id=job.id, worker="w1")
    assert session_id is not None
    return session_id


def reaped(at: datetime = LATER) -> CronSession:
    """The session after a look."""
    with db.session() as session:
        reap(session, at)
    return all_sessions()[0]


def update_job(change: Callable[[JobStatus], None]) -> None:
    """Change the one job's row."""
    with db.session() as session:
        change(session.query(JobStatus).one())


def test_a_silent_workers_session_is_lost(running: int) -> None:
    """Its job will run again, so this is not the last word."""
    found = reaped()

    assert (found.id, found.status, found.error, found.will_retry) == (
        running,
        SessionStatus.FAILED,
        "worker lost",
        True,
    )
    assert found.duration_ms == 60_000


def test_a_living_workers_session_is_left(running: int) -> None:
    """However long it takes."""
    with db.session() as session:
        seen(session.connection(), "w1", LATER - timedelta(seconds=5))

    assert reaped().status == SessionStatus.RUNNING


def test_a_run_that_has_just_begun_is_left(running: int) -> None:
    """Its worker may not have said yet that it lives."""
    assert reaped(NINE + timedelta(seconds=10)).status == SessionStatus.RUNNING


def test_a_session_that_waits_is_left(running: int) -> None:
    """Parked, or triggered and not begun: no worker has it, and its job is open."""
    with db.session() as session:
        set_waiting(session, running, "w1")

    assert reaped().status == SessionStatus.RUNNING


def test_a_session_whose_job_has_ended_is_lost_for_good(running: int) -> None:
    """As one that crashed twice: the reason is the job's, and somebody is told."""

    def fail(job: JobStatus) -> None:
        job.status, job.error, job.ended_at = "failed", "crashed twice", LATER

    update_job(fail)

    found = reaped()

    assert (found.error, found.will_retry, found.details) == ("worker lost: crashed twice", False, {"alerted": True})


def test_the_true_end_of_a_silent_run_stands(running: int) -> None:
    """It was only cut off: the run owned its job to the end."""
    reaped()

    with db.session() as session:
        end_session(session, running, LATER)

    assert (all_sessions()[0].status, all_sessions()[0].error) == (SessionStatus.COMPLETED, None)


def test_what_no_producer_added_is_overdue(write_job: WriteJob, cron_jobs: Queue) -> None:
    """Five minutes after it fell due, the oldest slot of each entry; a stopped entry never is."""
    write_job("sample")
    write_job("stopped", enabled=False)
    sync(NINE - timedelta(minutes=30))

    with db.reading() as session:
        early = overdue(session, NINE + timedelta(minutes=4))
        late = overdue(session, NINE + timedelta(minutes=6))

    assert early == []
    assert late == [Overdue("sample", NINE, "not added")]


def test_what_no_worker_started_is_overdue(write_job: WriteJob, cron_jobs: Queue) -> None:
    """Counted from when it was due, not from when it was added; a run by hand too."""
    write_job("sample")
    write_job("by_hand")
    sync(NINE)
    with db.session() as session:
        begun = datetime.fromtimestamp(cron_jobs.now_ms() / 1000, NINE.tzinfo)
        entry = entries.find(session, "sample")
        enqueue_with(session, [slot_job(entry, begun + timedelta(minutes=1), 60_000)])
        trigger(session, "by_hand", by="7", at=begun)
        for cursor in ("sample", "by_hand"):
            entries.advance(session, entries.find(session, cursor), NINE, begun + timedelta(hours=3))

    with db.reading() as session:
        found = {
            minutes: [one.entry_id for one in overdue(session, begun + timedelta(minutes=minutes, seconds=30))]
            for minutes in (4, 5, 6)
        }

    assert found == {4: [], 5: ["by_hand"], 6: ["by_hand", "sample"]}
