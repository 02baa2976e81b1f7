"""At 5 million rows, for `make long`: every page of the API stays a short walk along an index."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from statistics import quantiles
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Select, text
from sqlalchemy.orm import Session

from app import db
from app.clock import utc_now
from app.ledger import queries
from app.ledger.repairs import open_rows, unconfirmed
from app.ledger.retention import _ended
from app.ledger.rows import job_status
from app.migrations.run import upgrade
from app.models.job_status import JobStatus, Status
from tests.postgres import postgres_server

pytestmark = pytest.mark.long

ROWS = 5_000_000
USERS = 100_000
ROUNDS = 60
MOST_MS = 50
#: 8 kB each, from memory: what an index gives for a page of 100 rows, and no more.
MOST_BLOCKS = 1_500

#: 30 days of jobs, the newest last: 1 in 64 failed, 1 in 100 partial, the last 2,000 open; user 7 has 50,000 of them.
FILL = f"""
INSERT INTO job_status (id, queue, job_id, added_ms, promise_key, name, user_id, data, opts, priority, delay_ms,
    attempts, status, run, step, attempts_made, crashes, repairs, worker, queued_at, confirmed_at, started_at,
    completed_at, failed_at, ended_at, settled_at, duration_ms, return_value, error, accounts_total, accounts_processed)
SELECT n, queue, 'daily-' || n, extract(epoch FROM at)::bigint * 1000, 'daily-' || n, 'process_user_data', user_id,
    '{{"user_id":"' || user_id || '","cadence":"daily"}}',
    '{{"attempts":4,"backoff":{{"type":"exponential","delay":2000}}}}',
    0, 0, 4, status, 1, 3, 1, 0, 0, 'host-1234-abcdef', at, at, at, CASE WHEN status <> 'failed' THEN ended END,
    CASE WHEN status = 'failed' THEN ended END, ended, ended, 61000, '{{"accounts":2}}',
    CASE WHEN status = 'failed' THEN 'Amazon answered 503 to getOrders five times' END, 2, 2
FROM (
    SELECT n, at, status, CASE WHEN n % 10 = 0 THEN 'service-sync' ELSE 'user-updates' END AS queue,
        CASE WHEN n % 100 = 7 THEN '7' ELSE ((n::bigint * 7919) % {USERS})::text END AS user_id,
        CASE WHEN status NOT IN ('waiting', 'active') THEN at + interval '1 minute' END AS ended
    FROM (
        SELECT n, now() - interval '30 days' * (1 - n::float / {ROWS}) AS at,
            CASE WHEN n > {ROWS} - 1000 THEN 'waiting' WHEN n > {ROWS} - 2000 THEN 'active'
                WHEN n % 64 = 0 THEN 'failed' WHEN n % 100 = 1 THEN 'partial' ELSE 'completed' END AS status
        FROM generate_series(1, {ROWS}) AS n
    ) AS numbered
) AS told
"""


@pytest.fixture(scope="module")
def full() -> Iterator[Engine]:
    """A PostgreSQL of its own, with the schema that migrations make, and 5 million rows."""
    with postgres_server() as server:
        engine = db.open_engine(server.url)
        upgrade(engine)
        began = time.perf_counter()
        with engine.begin() as connection:
            for index in job_status.indexes:
                index.drop(connection)
            connection.exec_driver_sql(FILL.replace("%", "%%"))
            for index in job_status.indexes:
                index.create(connection)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE job_status"))
            size = connection.scalar(text("SELECT pg_size_pretty(pg_total_relation_size('job_status'))"))
        print(f"\n{ROWS:,} rows, {size} with indexes, written in {time.perf_counter() - began:.0f} s")  # noqa: T201
        yield engine
        engine.dispose()


def user(number: int) -> str:
    """One of the users, another for each number."""
    return str(number * 3571 % USERS)


def middle(number: int) -> int:
    """The id before which a page begins, anywhere in the table."""
    return ROWS - number * 80_000


#: Each page that the API asks for, for a number of its own.
PAGES: dict[str, Callable[[int], Select[JobStatus]]] = {
    "status/job": lambda n: queries.job(f"daily-{middle(n)}"),
    "status/job, unknown": lambda n: queries.job(f"nothing-{n}"),
    "status/job, of a queue": lambda n: queries.job(f"daily-{middle(n) + 1}", "user-updates"),
    "status/user": lambda n: queries.jobs_of_user(user(n)),
    "status/user, unknown": lambda n: queries.jobs_of_user(f"nobody-{n}"),
    "status/user, with 50,000 jobs": lambda _: queries.jobs_of_user("7"),
    "status/user, a later page": lambda n: queries.jobs_of_user("7", before=middle(n)),
    "recent": lambda _: queries.recent(100),
    "recent, a later page": lambda n: queries.recent(100, before=middle(n)),
    "failed": lambda _: queries.failed(100),
    "failed, with partial": lambda _: queries.failed(100, include_partial=True),
    "failed, of a user": lambda n: queries.failed(100).where(JobStatus.user_id == user(n)),
    "failed, of a user with 50,000 jobs": lambda _: queries.failed(100).where(JobStatus.user_id == "7"),
    "failed with partial, of a user": lambda n: queries.failed(100, include_partial=True).where(
        JobStatus.user_id == user(n)
    ),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_api_is_a_short_walk(page: str, full: Engine) -> None:
    """Its p95, warm, in milliseconds, and the blocks it looks at, which no other load on the machine changes."""
    with Session(full) as session:
        for number in range(5):
            session.scalars(PAGES[page](number)).all()
        took = [_ms(partial(_read, session, PAGES[page](number))) for number in range(ROUNDS)]
        blocks, plan = _explain(session.connection(), PAGES[page](1))

    p95 = quantiles(took, n=20)[-1]
    print(f"\n{page}: p95 {p95:.1f} ms, {blocks} blocks, {plan}")  # noqa: T201
    assert "Seq Scan" not in plan
    assert blocks <= MOST_BLOCKS
    assert p95 <= MOST_MS


def test_what_the_producer_looks_at_every_ten_seconds_is_as_short(
    full: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unconfirmed, running and waiting rows; and what retention deletes next. At its quickest: nobody waits for it."""
    monkeypatch.setattr(db, "engine", lambda: full)
    now = utc_now()
    with full.connect() as connection:
        looks: dict[str, Callable[[], Any]] = {
            "unconfirmed": lambda: unconfirmed(connection, now, 500),
            "active": lambda: open_rows(connection, Status.ACTIVE, 500),
            "waiting": lambda: open_rows(connection, Status.WAITING, 500),
            "retention": lambda: next(_ended(now - timedelta(days=29))),
        }
        for name, look in looks.items():
            look()
            quickest = min(_ms(look) for _ in range(ROUNDS))
            print(f"\n{name}: {quickest:.1f} ms")  # noqa: T201
            assert quickest <= MOST_MS, name


def _read(session: Session, page: Select[JobStatus]) -> None:
    session.scalars(page).all()


def _ms(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1_000


def _explain(connection: Connection, page: Select[JobStatus]) -> tuple[int, str]:
    """The blocks that it looks at, and the names of its scans."""
    statement = page.compile(connection, compile_kwargs={"literal_binds": True})
    explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".replace("%", "%%"))
    root = explained.scalar_one()[0]["Plan"]
    scans = []
    nodes = [root]
    for node in nodes:
        nodes += node.get("Plans", [])
        if "Scan" in node["Node Type"]:
            scans.append(f"{node['Node Type']} {node.get('Index Name', '')}".strip())
    return root["Shared Hit Blocks"] + root["Shared Read Blocks"], ", ".join(scans)
