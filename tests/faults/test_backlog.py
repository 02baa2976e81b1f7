"""Row 15: a million waiting jobs grow no process, and slow no call of the API."""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import quantiles

import psutil
import pytest
import requests

from app import db
from app.auth.tokens import issue
from app.domains.accounts.users import register
from app.jobs.catalog import NO_OP, worker_threads
from app.jobs.engine import find_queue
from app.jobs.enqueue import new_job
from app.jobs.payloads import Nothing
from app.models.user import Role
from tests.faults import figures
from tests.faults.conftest import DATABASES, SEEDS, Open
from tests.faults.system import DEFAULT_LOCK_MS
from tests.servers import wait_for
from tests.web import gunicorn

BACKLOG = 1_000_000
WARM = 20_000
WORKED_OFF = 100_000
AT_ONCE = 1_000
CALLS = 300
MOST_GROWTH_MB = 20
MOST_MS = 100
PATHS = (
    "/health",
    "/api/v1/queues/metrics",
    "/api/v1/queues/user-updates/metrics",
    "/app/job-status/queue/stats",
    "/app/job-status/recent",
    "/app/job-status/failed",
    "/app/jobs/admin/system-stats",
)


@pytest.mark.faults
@pytest.mark.parametrize("database", DATABASES)
def test_a_million_waiting_jobs_grow_no_process_and_slow_no_call(
    open_system: Open, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resident memory of who adds, ticks, works and answers: warm, with the backlog, and after a part is worked off."""
    monkeypatch.setenv("WORKER_CONCURRENCY", "16")
    system = open_system(database, SEEDS[0])
    system.lock_ms = DEFAULT_LOCK_MS
    producer, worker = system.start_producer(), system.start_worker(worker_threads(), module="workers.main")
    queue = find_queue(NO_OP.queue)
    with gunicorn(system.directory) as web:
        processes = {"worker": worker.worker, "keeper": worker.keeper, "producer": producer.worker}
        processes |= {f"web {n}": child for n, child in enumerate(web.master.children())}
        processes["enqueuer"] = psutil.Process()
        add(WARM)
        wait_until_left(0)
        idle_ms = p95_ms(web.url)
        warm = sizes(processes)

        queue.pause()
        began = time.monotonic()
        add(BACKLOG)
        took_s = time.monotonic() - began
        waiting_ms = p95_ms(web.url)
        full = sizes(processes)

        queue.resume()
        working_ms = p95_ms(web.url)
        wait_until_left(BACKLOG - WORKED_OFF)
        worked = sizes(processes)

    growth = {name: max(full[name], worked[name]) - warm[name] for name in processes}
    figures.keep_counts(
        "15",
        jobs=BACKLOG,
        added=f"{BACKLOG / took_s:,.0f} a second",
        api_p95=f"{idle_ms:.0f} ms idle, {waiting_ms:.0f} ms with it, {working_ms:.0f} ms while it is worked off",
        grown=", ".join(f"{name} {mb:+.1f} MB" for name, mb in growth.items()),
    )
    p95 = f"API p95 {idle_ms:.0f}, {waiting_ms:.0f}, {working_ms:.0f} ms"
    print(f"\n{database}: added in {took_s:.0f} s, {p95}, {growth}")  # noqa: T201 - the figures
    assert max(growth.values()) <= MOST_GROWTH_MB
    assert max(waiting_ms, working_ms) <= MOST_MS


def add(jobs: int) -> None:
    """As a producer adds them, so many at once."""
    queue = find_queue(NO_OP.queue)
    for _ in range(jobs // AT_ONCE):
        queue.add_bulk([new_job(NO_OP, Nothing()) for _ in range(AT_ONCE)])


def wait_until_left(jobs: int) -> None:
    """Until no more wait than that."""
    queue = find_queue(NO_OP.queue)
    wait_for(lambda: queue.get_job_counts()["waiting"] <= jobs, f"{jobs} jobs to be left", 300, every_s=0.2)


def p95_ms(url: str) -> float:
    """Of calls one after another, page by page, each answered by whichever process takes it."""
    headers = {"Authorization": f"Bearer {_admin_token()}", "Connection": "close"}
    took = []
    for number in range(CALLS):
        began = time.perf_counter()
        requests.get(url + PATHS[number % len(PATHS)], headers=headers, timeout=30).raise_for_status()
        took.append((time.perf_counter() - began) * 1_000)
    return quantiles(took, n=20)[-1]


def sizes(processes: Mapping[str, psutil.Process]) -> Mapping[str, float]:
    """Resident memory of each, in MB."""
    return {name: process.memory_info().rss / 1e6 for name, process in processes.items()}


def _admin_token() -> str:
    with db.session() as session:
        user = register(session, f"admin-{time.monotonic_ns()}@example.com", "")
        user.role = Role.ADMIN
        session.flush()
        return issue(user)
