"""What the whole must do, on real processes: users are refreshed whatever is slow, spent or killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app import db
from app.broker.connection import connect
from app.clock import utc_now
from app.domains.amazon.budget import Budget
from app.domains.amazon.operations import SEARCH_ORDERS
from app.jobs.catalog import USER_UPDATES
from app.jobs.engine import find_queue
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus, Status
from app.settings import settings
from tests.acceptance.system import System, running_system
from tests.servers import wait_for


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """An empty system without workers."""
    with running_system(tmp_path, monkeypatch) as running:
        yield running


def test_fifty_users_without_budget_are_parked_by_one_worker_thread(system: System) -> None:
    """No thread is held, no attempt is used, nothing is fetched twice, and another user goes on meanwhile."""
    users = [system.add_user(f"u{n:02}") for n in range(50)]
    other = system.add_user("other")
    cache = connect(settings().cache_redis_url)
    for n in range(50):
        Budget(cache).refused(f"na:U{n:02}US", SEARCH_ORDERS, "somebody else")
    system.start_worker(concurrency=1)

    jobs = system.refresh_all(users)
    went_on = system.ended(system.refresh(other))
    parked = [system.job(job_id) for job_id in jobs]
    for key in cache.scan_iter("amazon:budget:*"):
        cache.delete(key)
    find_queue(USER_UPDATES).promote_jobs()
    ended = [system.ended(job_id) for job_id in jobs]

    assert went_on.status == Status.COMPLETED
    assert {(job.status, job.attempts_made) for job in parked} == {(Status.DELAYED, 0)}
    assert {(job.status, job.attempts_made) for job in ended} == {(Status.COMPLETED, 1)}
    assert set(_kinds_of_runs(ended).values()) == {("parked", "completed")}
    for operation in ("createQuery", "createAdsReport"):
        assert {system.calls(operation)[f"U{n:02}US"] for n in range(50)} == {1}


def test_a_parked_user_goes_on_by_itself(system: System) -> None:
    """When its reservation is due; nobody promotes it."""
    user = system.add_user("waiting")
    system.start_worker()
    budget = Budget(connect(settings().cache_redis_url))
    budget.ask("na:WAITINGUS", SEARCH_ORDERS, "somebody else")
    budget.learn("na:WAITINGUS", SEARCH_ORDERS, "0.5")
    budget.refused("na:WAITINGUS", SEARCH_ORDERS, "somebody else")

    job = system.ended(system.refresh(user))

    assert (job.status, job.attempts_made) == (Status.COMPLETED, 1)
    assert _kinds_of_runs([job])[job.job_id][0] == "parked"


def _kinds_of_runs(jobs: list[JobStatus]) -> dict[str, tuple[str, ...]]:
    with db.reading() as session:
        return {
            job.job_id: tuple(
                session.scalars(select(JobAttempt.kind).where(JobAttempt.job == job.id).order_by(JobAttempt.run))
            )
            for job in jobs
        }


def test_slow_users_do_not_hold_up_fast_ones(system: System) -> None:
    """S2-11: one slow user takes one of two slots; ten others pass by."""
    slow, fast = system.add_user("slow"), [system.add_user(f"fast{n}") for n in range(10)]
    system.fault("SLOWUS", "searchOrders", "slow(25000)")
    system.start_worker(concurrency=2)

    slow_job = system.refresh(slow)
    fast_jobs = [system.ended(job_id) for job_id in system.refresh_all(fast)]

    assert {job.status for job in fast_jobs} == {Status.COMPLETED}
    assert system.job(slow_job).status == Status.ACTIVE


def test_a_worker_killed_in_a_refresh_costs_no_lease_and_no_effect(system: System) -> None:
    """``kill -9`` mid-job: it starts again elsewhere before its lease would be over, and its effect is there once."""
    user = system.add_user("killed", accounts=3)
    system.fault("KILLEDJP", "searchOrders", "slow(60000)")
    killed = system.start_worker()
    job_id = system.refresh(user)
    wait_for(lambda: system.calls("searchOrders").get("KILLEDJP"), "the second account to be fetched")
    first_account = system.calls("searchOrders")["KILLEDDE"]
    system.start_worker()

    killed.kill_worker()
    killed_at = utc_now()
    wait_for(lambda: system.job(job_id).run == 2, "the second run")
    started_at = system.job(job_id).started_at
    job = system.ended(job_id)

    assert started_at is not None
    assert (started_at - killed_at).total_seconds() < 7  # at least that was left of its lease
    assert (job.status, job.accounts_processed, job.crashes) == (Status.COMPLETED, 3, 1)
    with db.reading() as session:
        attempts = session.scalars(select(JobAttempt).where(JobAttempt.job == job.id)).all()
    assert [(attempt.run, attempt.kind) for attempt in attempts] == [(2, "completed")]
    assert system.calls("searchOrders")["KILLEDDE"] == first_account  # it was done, and is not fetched again


def test_workers_go_on_by_themselves_when_redis_comes_back(system: System) -> None:
    """Killed and started again with its file: the same worker takes the next job."""
    user = system.add_user("patient")
    worker = system.start_worker()
    system.ended(system.refresh(user))
    process = worker.worker

    system.redis.kill()
    system.redis.start()
    job = system.ended(system.refresh(user))

    assert job.status == Status.COMPLETED
    assert worker.worker == process
