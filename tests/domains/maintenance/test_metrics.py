"""An hour in figures, worked out by hand from its rows."""

from __future__ import annotations

from app import db
from app.broker.queue import Queue
from app.domains.maintenance.metrics import Span, take_queue_snapshot, totals
from app.domains.maintenance.snapshots import snapshots
from app.models.cron_session import SessionStatus
from app.models.job_status import Status
from tests.crontab.jobs.running import run_job
from tests.domains.maintenance.rows import HOUR, NINE, SECOND, job, session
from tests.jobs import conftest as jobs

queue = jobs.queue
EIGHT = NINE - HOUR


def test_an_hours_figures_are_those_of_its_rows(queue: Queue) -> None:
    """20 completed jobs of 1 to 20 ms; what ended at nine, or before eight, is another hour's."""
    for took_ms in range(1, 21):
        job(EIGHT + took_ms * SECOND, took_ms=took_ms)
    job(EIGHT, Status.FAILED)
    job(NINE - SECOND, queue="cron-jobs", took_ms=7)
    for other in (NINE, EIGHT - SECOND):
        job(other, took_ms=1_000)
    job(None, Status.ACTIVE)
    session("a", EIGHT)
    session("a", NINE - SECOND, SessionStatus.FAILED)
    session("a", NINE)

    found = run_job("metricsCollection", NINE)

    updates = {"completed": 20, "failed": 1, "meanMs": 10.5, "p95Ms": 19, "maxMs": 20}
    crontab = {"completed": 1, "meanMs": 7, "p95Ms": 7, "maxMs": 7}
    assert found["queues"] == {"cron-jobs": crontab, "user-updates": updates}
    assert found["sessions"] == {"COMPLETED": 1, "FAILED": 1}
    with db.reading() as opened:
        [kept] = opened.scalars(snapshots("metricsCollection"))
        assert (kept.slot, kept.figures) == (NINE, found)


def test_an_hour_without_a_row_is_an_hour_too(queue: Queue) -> None:
    """Nothing happened, and that is known."""
    job(EIGHT, Status.FAILED)

    found = run_job("metricsCollection", NINE)

    assert found["queues"] == {"user-updates": {"failed": 1, "meanMs": None, "p95Ms": None, "maxMs": None}}
    assert found["sessions"] == {}


def test_totals_count_a_user_once(queue: Queue) -> None:
    """Three refreshes of two users, one of which failed; runs that are tried again have not failed."""
    job(EIGHT, user_id="1")
    job(EIGHT, Status.PARTIAL, user_id="1")
    job(EIGHT, Status.FAILED, user_id="2")
    job(EIGHT, queue="cron-jobs")
    session("a", EIGHT, SessionStatus.FAILED)
    session("a", EIGHT, SessionStatus.FAILED, will_retry=True)

    with db.reading() as opened:
        found = totals(opened, Span(EIGHT, NINE))

    assert found == {"completed": 2, "partial": 1, "failed": 1, "cancelled": 0, "users": 1, "failed_runs": 1}


def test_a_queue_snapshot_counts_what_is_in_the_queues(queue: Queue) -> None:
    """Two wait, one is delayed; the queue is paused."""
    queue.add("process_user_data", {"user_id": "1"})
    queue.add("process_user_data", {"user_id": "2"})
    queue.add("process_user_data", {"user_id": "3"}, delay_ms=60_000)
    queue.pause()

    found = take_queue_snapshot(NINE, NINE)

    counted = found["queues"]["user-updates"]
    assert (counted["waiting"], counted["delayed"], counted["paused"]) == (2, 1, True)
    with db.reading() as opened:
        [kept] = opened.scalars(snapshots("debugMetrics"))
        assert kept.figures == found
