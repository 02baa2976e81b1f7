"""Volume runs, for `make long`: figures that need time, printed as they are measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import pytest
import requests

from app import db
from app.auth.tokens import issue
from app.domains.accounts.users import find_user
from tests.acceptance.system import System, running_system

pytestmark = pytest.mark.long

REQUESTS = 400


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """An empty system without workers."""
    with running_system(tmp_path, monkeypatch) as running:
        yield running


def test_a_thousand_queued_jobs_do_not_slow_the_api(system: System) -> None:
    """S2-11: the p95 of /health, and of a user's own page, with 1,000 jobs queued is within 20 % of idle."""
    web = system.start_web().url
    users = [system.add_user(f"u{n:04}") for n in range(1_000)]
    paths = ["/health", f"/app/job-status/status/user/{users[0]}"]
    token = _token(users[0])
    _p95_ms(web, paths, token)  # warm
    idle = _p95_ms(web, paths, token)

    system.refresh_all(users)
    queued = _p95_ms(web, paths, token)

    print(f"\nAPI p95: idle {idle:.1f} ms, 1,000 jobs queued {queued:.1f} ms, ratio {queued / idle:.2f}")  # noqa: T201
    assert queued <= idle * 1.2


def _token(user_id: str) -> str:
    with db.reading() as session:
        return issue(find_user(session, user_id))


def _p95_ms(web: str, paths: list[str], token: str) -> float:
    took = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for number in range(REQUESTS):
            began = time.perf_counter()
            session.get(web + paths[number % len(paths)], timeout=10).raise_for_status()
            took.append((time.perf_counter() - began) * 1_000)
    return quantiles(took, n=20)[-1]


def test_a_worker_does_not_grow(system: System) -> None:
    """Its resident memory grows by at most 5 MB between the 200th refresh and the 1,000th."""
    users = [system.add_user(f"u{n:02}") for n in range(50)]
    worker = system.start_worker(concurrency=3)

    _refresh(system, users, rounds=4)
    after_200 = worker.worker.memory_info().rss
    _refresh(system, users, rounds=16)
    after_1000 = worker.worker.memory_info().rss

    grown_mb = (after_1000 - after_200) / 2**20
    print(f"\nworker: {after_200 / 2**20:.1f} MB after 200 refreshes, {grown_mb:+.1f} MB after 1,000")  # noqa: T201
    assert grown_mb <= 5


def _refresh(system: System, users: list[str], rounds: int) -> None:
    for _ in range(rounds):
        for job_id in system.refresh_all(users):
            system.ended(job_id, timeout_s=300)
