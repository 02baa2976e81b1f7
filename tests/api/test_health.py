"""/health says what answers and /health/jobs how runs go, to anybody, each in one shape."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import db
from app.broker.queue import Queue
from app.clock import utc_now
from app.crontab.sessions import create_session, end_session
from app.settings import settings
from tests.afresh import start_afresh
from tests.crontab import conftest as crontab
from tests.crontab.conftest import NINE, WriteJob, sync
from tests.servers import free_port

queue = crontab.queue
write_job = crontab.write_job


@pytest.fixture
def scheduled(api: Flask, machine: None, write_job: WriteJob, queue: Queue) -> Iterator[FlaskClient]:
    """A caller of a system with two entries that have just begun, on either database."""
    write_job("syncWebUrls", schedule="0 9 1 1 *")
    write_job("healthCheck", schedule="0 9 1 1 *")
    sync()
    with api.test_client() as client:
        yield client


def fail(times: int, *, hours_ago: float = 1, will_retry: bool = False) -> None:
    """That many failed runs."""
    with db.session() as session:
        at = utc_now() - timedelta(hours=hours_ago)
        for number in range(times):
            session_id = create_session(session, "syncWebUrls", at, at, job_id=str(number))
            assert session_id is not None
            end_session(session, session_id, at, error="no network", will_retry=will_retry)


# --- /health


def test_all_is_up(client: FlaskClient) -> None:
    """CONTRACTS S3-19, C40: without a token and without an envelope; and what is overdue."""
    reply = client.get("/health")

    assert (reply.status_code, reply.get_json()) == (
        200,
        {
            "status": "healthy",
            "services": {"sqlite": "up", "analytics_rollups": "up", "redis": "up", "queues": "up"},
            "overdue": [],
        },
    )


def test_the_database_goes_by_its_kind(api: Flask, machine: None, database: Engine) -> None:
    """`postgres` on PostgreSQL, `sqlite` otherwise."""
    name = "postgres" if database.dialect.name == "postgresql" else "sqlite"

    with api.test_client() as client:
        assert client.get("/health").get_json()["services"][name] == "up"


@pytest.mark.parametrize(
    ("variable", "down"),
    [
        ("CACHE_REDIS_URL", {"sqlite": "up", "analytics_rollups": "up", "redis": "down", "queues": "up"}),
        ("QUEUE_REDIS_URL", {"sqlite": "up", "analytics_rollups": "up", "redis": "up", "queues": "down"}),
    ],
)
def test_what_is_away_is_down(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, variable: str, down: dict[str, str]
) -> None:
    """503 in the same shape."""
    monkeypatch.setenv(variable, f"redis://127.0.0.1:{free_port()}/0")
    settings.cache_clear()

    reply = client.get("/health")

    assert (reply.status_code, reply.get_json()) == (503, {"status": "unhealthy", "services": down, "overdue": []})


def test_a_database_that_is_away_is_down_and_what_is_overdue_is_not_known(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, not an error; null, not "nothing is"."""
    monkeypatch.setenv("DATABASE_URL", f"postgresql+psycopg://127.0.0.1:{free_port()}/toril")
    start_afresh()

    reply = client.get("/health")

    db.engine().dispose()
    assert (reply.status_code, reply.get_json()) == (
        503,
        {
            "status": "unhealthy",
            "services": {"postgres": "down", "analytics_rollups": "down", "redis": "up", "queues": "up"},
            "overdue": None,
        },
    )


def test_a_database_without_our_tables_is_down(client: FlaskClient) -> None:
    """It answers, and it is not ours."""
    with db.session() as session:
        session.execute(text("ALTER TABLE users RENAME TO strangers"))

    assert client.get("/health").get_json()["services"]["sqlite"] == "down"


# --- /health/jobs


def test_a_quiet_system_is_healthy(scheduled: FlaskClient) -> None:
    """S4-11, and what is overdue beside it."""
    reply = scheduled.get("/health/jobs")

    assert (reply.status_code, reply.get_json()) == (
        200,
        {"runningJobs": 0, "recentFailures": 0, "status": "healthy", "overdue": []},
    )


@pytest.mark.parametrize(("failures", "status"), [(5, "healthy"), (6, "degraded")])
def test_above_five_failures_it_is_degraded(scheduled: FlaskClient, failures: int, status: str) -> None:
    """S4-11: of the last 24 hours."""
    fail(failures)
    fail(9, hours_ago=24.1)

    shown = scheduled.get("/health/jobs").get_json()

    assert (shown["recentFailures"], shown["status"]) == (failures, status)


def test_a_run_that_is_tried_again_has_not_failed(scheduled: FlaskClient) -> None:
    """CONTRACTS C15."""
    fail(6, will_retry=True)

    assert scheduled.get("/health/jobs").get_json()["status"] == "healthy"


def test_running_jobs_are_counted(scheduled: FlaskClient) -> None:
    """One an entry at most."""
    with db.session() as session:
        for entry in ("syncWebUrls", "healthCheck"):
            create_session(session, entry, NINE, NINE, job_id=entry)

    assert scheduled.get("/health/jobs").get_json()["runningJobs"] == 2


def test_what_is_overdue_is_shown_by_both(scheduled: FlaskClient, write_job: WriteJob) -> None:
    """Nothing has ticked since: the entry, the slot and why, and no word of its data."""
    write_job("often", schedule="0 * * * *")
    sync(NINE)

    shown = [scheduled.get(path).get_json() for path in ("/health", "/health/jobs")]

    late = {"jobName": "often", "slot": "2026-01-01T10:00:00+00:00", "why": "not added"}
    assert [one["overdue"] for one in shown] == [[late]] * 2
    assert [one["status"] for one in shown] == ["healthy"] * 2
