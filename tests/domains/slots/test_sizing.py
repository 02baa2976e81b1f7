"""How many workers the users need: the documents' formula beside what updates have taken."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app import db
from app.clock import to_ms
from app.domains.slots.assign import assign_many
from app.domains.slots.sizing import workers_by_formula, workers_by_measure
from app.domains.slots.stats import stats
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus, Status
from app.settings import settings
from tests.domains.slots.people import NINE, add_users


def add_job(session: Session, name: str, runs_s: list[int]) -> None:
    """A completed job with runs of those lengths, an hour between them."""
    job = JobStatus(
        queue="any",
        job_id=f"{name}-{len(runs_s)}",
        added_ms=to_ms(NINE),
        name=name,
        opts={},
        attempts=4,
        status=Status.COMPLETED,
        queued_at=NINE,
        ended_at=NINE + timedelta(hours=5),
    )
    session.add(job)
    session.flush()
    for run, seconds in enumerate(runs_s, start=1):
        began = NINE + timedelta(hours=run)
        ended = began + timedelta(seconds=seconds)
        session.add(JobAttempt(job=job.id, run=run, attempt=1, kind="parked", started_at=began, ended_at=ended))
    session.flush()


@pytest.mark.parametrize(("users", "workers"), [(0, 0), (1, 2), (200, 2), (1_000, 2), (1_001, 4), (1_000_000, 2_000)])
def test_the_formula_is_the_documents(users: int, workers: int) -> None:
    """S2-10: ceil(users / 1000) * 2."""
    assert workers_by_formula(users) == workers


def test_a_million_updates_of_a_minute_need_695_places() -> None:
    """C26: where the formula says 2,000 workers of 3."""
    assert workers_by_measure(1_000_000, busy_s=60, places=1) == 695
    assert workers_by_measure(1_000_000, busy_s=60, places=3) == 232
    assert workers_by_measure(7, busy_s=1, places=3) == 1


def test_an_update_is_measured_by_all_its_runs(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of 20 s and 40 s around a wait hold a worker for a minute; other jobs do not count."""
    monkeypatch.setenv("WORKER_CONCURRENCY", "3")
    settings.cache_clear()
    with db.session() as session:
        assign_many(session, add_users(session, 7_000))
        add_job(session, "process_user_data", [20, 40])
        add_job(session, "process_user_data", [60])
        add_job(session, "run_entry", [5_000])

        workers = stats(session).workers

    assert (workers.measured, workers.busy_s) == (2, 60)
    assert workers.updates_per_day == 8_000
    assert (workers.by_formula, workers.by_measure) == (14, 2)
