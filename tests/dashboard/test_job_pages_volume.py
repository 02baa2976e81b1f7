"""At a million rows on PostgreSQL, for `make long`: every page of jobs within 200 ms, 95 times of 100."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import quantiles

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from app import db
from app.jobs.user_updates import enqueue_users
from app.migrations.run import upgrade
from app.models.user import Role
from app.settings import settings
from tests.dashboard.conftest import Browser, SignedIn
from tests.postgres import postgres_server

pytestmark = pytest.mark.long

ROWS = 1_000_000
ROUNDS = 40
MOST_MS = 200
#: 30 days of jobs of 50,000 users, the newest last: 1 in 32 failed, of 60 errors, 1 in 100 partial; user 7 has 10,000.
FILL = f"""
INSERT INTO job_status (queue, job_id, added_ms, name, user_id, data, opts, priority, delay_ms, attempts, status, run,
    step, attempts_made, crashes, repairs, worker, queued_at, confirmed_at, started_at, ended_at, settled_at,
    duration_ms, error, error_group)
SELECT 'user-updates', 'daily-' || n, n, 'process_user_data',
    CASE WHEN n % 100 = 7 THEN '7' ELSE ((n::bigint * 7919) % 50000)::text END, '{{"user_id":"7"}}',
    '{{"attempts":4}}', 0, 0, 4, status, 1, 1, 1, 0, 0, 'w1', at, at, at, at + interval '1 minute', at, 61000,
    CASE WHEN status = 'failed' THEN 'HTTP 503 of getOrders for account ' || n END,
    CASE WHEN status = 'failed' THEN lpad((n % 60)::text, 16, '0') END
FROM (SELECT n, now() - interval '30 days' * (1 - n::float / {ROWS}) AS at,
        CASE WHEN n % 32 = 0 THEN 'failed' WHEN n % 100 = 1 THEN 'partial' ELSE 'completed' END AS status
    FROM generate_series(1, {ROWS}) AS n) AS numbered
"""
GROUPS = """
INSERT INTO error_groups (id, error_class, message, sample, first_seen_at, last_seen_at, seen)
SELECT error_group, 'AmazonError', 'HTTP 503 of getOrders for account #', max(error), min(ended_at), max(ended_at),
    count(*) FROM job_status WHERE error_group IS NOT NULL GROUP BY error_group
"""
ATTEMPTS = """
INSERT INTO job_attempt (job, run, attempt, kind, worker, started_at, ended_at, error)
SELECT id, 1, 1, status, worker, started_at, ended_at, error FROM job_status
"""
PAGES = (
    "queues",
    "queues/user-updates?state=waiting",
    "queues/user-updates?window=7d",
    "failures",
    "failures?text=503",
    "failures/{group}",
    "failures/{group}/retry",
    "jobs/user-updates/daily-{failed}",
    "jobs/user-updates/{waiting}",
    "search?q=user:7",
    "search?q=user:7+state:failed",
    "search?q=user:7+error:getOrders",
    "search?q=job:daily-500000",
    "search?q=state:failed",
    "search?q=state:partial",
    "search?q=state:waiting",
    "search?q=error:getOrders",
    "search?q=daily-777777",
    "search?q=nothing+at+all",
)


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server with the rows, vacuumed as a running one would be."""
    with postgres_server() as server:
        engine = db.open_engine(server.url)
        upgrade(engine)
        with engine.begin() as connection:
            for statement in (FILL, GROUPS, ATTEMPTS):
                connection.exec_driver_sql(statement.replace("%", "%%"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        engine.dispose()
        yield server.url


@pytest.fixture
def sqlite_database(million: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """In the place of the fixture of that name, which the application's asks for: the million rows."""
    monkeypatch.setenv("DATABASE_URL", million)
    settings.cache_clear()
    db.engine.cache_clear()
    engine = db.engine()
    yield engine
    engine.dispose()
    settings.cache_clear()
    db.engine.cache_clear()


def test_every_page_of_jobs_comes_within_200_ms(
    million: str, app: Flask, as_: SignedIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """The 95th percentile of each; 20,000 jobs wait in Redis meanwhile."""
    waiting = enqueue_users([str(number) for number in range(20_000)])
    with db.reading() as session:
        failed, group = session.execute(
            text("SELECT job_id, error_group FROM job_status WHERE status = 'failed' ORDER BY id DESC LIMIT 1")
        ).one()
    browser = as_(Role.OPERATOR)
    found = {
        page: p95_ms(
            browser,
            "/dashboard/" + page.format(group=group, failed=failed.removeprefix("daily-"), waiting=waiting[10_000]),
        )
        for page in PAGES
    }

    with capsys.disabled():
        print()  # noqa: T201
        for page, ms in sorted(found.items(), key=lambda pair: -pair[1]):
            print(f"  {ms:6.1f} ms p95  /dashboard/{page}")  # noqa: T201
    assert {page: ms for page, ms in found.items() if ms > MOST_MS} == {}


def p95_ms(browser: Browser, path: str) -> float:
    """Of forty loads, after one that warms up."""
    took = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        assert browser.get(path).status_code == 200, path
        took.append((time.perf_counter() - began) * 1_000)
    return quantiles(took[1:], n=20)[-1]
