"""/metrics tells the ledger's counts, whichever process is asked and whichever has been killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app import db
from app.jobs.catalog import NO_OP
from app.jobs.enqueue import enqueue
from app.jobs.payloads import Nothing
from app.models.job_status import Status
from tests.acceptance.system import System, running_system
from tests.metrics.scrape import Samples, samples, value
from tests.servers import wait_for

JOBS = ("process_user_data", "no_op")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """An empty system without workers."""
    with running_system(tmp_path, monkeypatch) as running:
        yield running


def test_counts_are_the_ledgers_from_every_process_also_after_kills(system: System) -> None:
    """Two web processes, two workers, a producer; a worker and both web processes are killed. S4-10."""
    users = [system.add_user(f"u{number:02}") for number in range(20)]
    killed_user = system.add_user("killed")
    system.fault("KILLEDUS", "searchOrders", "slow(60000)")
    killed, web = system.start_worker(concurrency=3), system.start_web()
    system.start_producer()
    slow = system.refresh(killed_user)
    wait_for(lambda: system.calls("searchOrders").get("KILLEDUS"), "the slow call to be made")
    system.start_worker(concurrency=3)

    no_ops = [enqueue(NO_OP, Nothing()) for _ in range(100)]
    jobs = [slow, *system.refresh_all(users), system.refresh("nobody"), *no_ops]
    killed.kill_worker()
    ends = [system.ended(job_id).status for job_id in jobs]
    wait_for(lambda: counts(samples(web.get("/metrics"))) == rows(), "the producer to count", 40, every_s=0.5)
    answers = [counts(samples(web.get("/metrics"))) for _ in range(10)]
    for child in web.master.children():
        web.kill_one(child)
    answers += [counts(samples(web.get("/metrics"))) for _ in range(10)]

    assert (ends.count(Status.COMPLETED), ends.count(Status.FAILED)) == (121, 1)
    assert rows() == {
        ("process_user_data", "success"): 21,
        ("process_user_data", "failure"): 1,
        ("no_op", "success"): 100,
        ("no_op", "failure"): 0,
    }
    assert [answer for answer in answers if answer != rows()] == []
    crashes = value(samples(web.get("/metrics")), "toril_job_crashes_total", queue="user-updates", job=JOBS[0])
    assert crashes == sum(system.job(job_id).crashes for job_id in jobs) >= system.job(slow).crashes == 1


def counts(found: Samples) -> dict[tuple[str, str], float | None]:
    """By job and status, as document 004 names them."""
    return {
        (job, status): value(found, "jobExecutionCount", job_name=job, status=status)
        for job in JOBS
        for status in ("success", "failure")
    }


def rows() -> dict[tuple[str, str], int]:
    """The same by counting the ledger's rows."""
    counted = text("SELECT count(*) FROM job_status WHERE name = :job AND status = :status AND ended_at IS NOT NULL")
    statuses = {"success": "completed", "failure": "failed"}
    with db.reading() as session:
        return {
            (job, named): session.execute(counted, {"job": job, "status": status}).scalar_one()
            for job in JOBS
            for named, status in statuses.items()
        }
