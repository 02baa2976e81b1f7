"""A thousand jobs through the real engine, and figures that were worked out by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dramatiq import Worker

from app import db
from app.broker.errors import Park
from app.broker.queue import Queue
from app.clock import utc_now
from app.crontab import entries
from app.crontab.adding import slot_job
from app.crontab.execute import run_entry
from app.domains.maintenance import performance
from app.domains.maintenance.performance import COUNT, TooSlow, figures, run_performance_test
from app.domains.maintenance.snapshots import snapshots
from app.jobs.actor import actor
from app.jobs.catalog import NO_OP, RUN_ENTRY
from app.jobs.engine import broker
from app.jobs.enqueue import enqueue_with
from app.jobs.payloads import Slot
from app.models.cron_session import SessionStatus
from app.models.job_status import JobStatus
from tests.crontab.conftest import all_sessions, sync
from tests.domains.maintenance.rows import NINE, SECOND
from tests.jobs import conftest as jobs
from tests.ledger.rows import all_rows
from tests.servers import wait_for

queue = jobs.queue


def test_a_thousand_jobs_run_and_their_figures_are_kept(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry is parked meanwhile, holds no thread, and completes; its jobs leave nothing in Redis."""
    monkeypatch.setattr(performance, "LOOK_AGAIN", timedelta(milliseconds=100))
    sync()
    actor(RUN_ENTRY)(lambda **asked: run_entry(Slot(**asked)))
    actor(NO_OP)(lambda: None)
    with db.session() as session:
        enqueue_with(session, [slot_job(entries.find(session, "performanceTest"), NINE, 0)])
    worker = Worker(broker(), queues={"cron-jobs", "user-updates"}, worker_threads=7, worker_timeout=50)
    worker.start()
    try:
        wait_for(lambda: any(one.end_time for one in all_sessions()), "the entry to end", 60)
    finally:
        worker.stop()

    [ran] = all_sessions()
    rows = [row for row in all_rows() if row.name == "no_op"]
    assert (ran.status, ran.error) == (SessionStatus.COMPLETED, None)
    assert (len(rows), {row.status for row in rows}) == (COUNT, {"completed"})
    with db.reading() as session:
        [kept] = session.scalars(snapshots("performanceTest"))
        assert (kept.slot, kept.figures["completed"]) == (NINE, COUNT)
    assert queue.get_job_counts()["completed"] == 0


def test_the_figures_of_rows(queue: Queue) -> None:
    """Four jobs, added at once; by hand."""
    rows = [
        JobStatus(
            queued_at=NINE, started_at=NINE + n * SECOND, ended_at=NINE + (n + 1) * SECOND, duration_ms=n, status=status
        )
        for n, status in ((0, "completed"), (1, "completed"), (2, "completed"), (3, "failed"))
    ]

    found = figures(rows)

    assert found == {
        "jobs": 4,
        "completed": 3,
        "seconds": 4.0,
        "jobsPerSecond": 1.0,
        "waitMs": {"p50": 1_000, "p95": 3_000, "max": 3_000},
        "durationMs": {"p50": 1, "p95": 3, "max": 3},
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_jobs_that_nobody_runs_are_given_up(queue: Queue) -> None:
    """It is parked for five minutes, not for ever; a second attempt adds no second thousand."""
    now = utc_now()
    for _ in range(2):
        with pytest.raises(Park):
            run_performance_test(NINE, now)

    with pytest.raises(TooSlow, match="only 0 of 1000"):
        run_performance_test(NINE, now + timedelta(minutes=6))

    assert queue.get_job_counts()["waiting"] == COUNT
