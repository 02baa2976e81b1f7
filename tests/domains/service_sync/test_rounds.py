"""A round is one job a service, spread over half a minute, and the same round again is the same promises."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from dramatiq import Worker
from sqlalchemy import Engine

from app import db
from app.crontab import entries
from app.domains.service_sync import rounds
from app.domains.service_sync.rounds import spread_ms, sync_all
from app.domains.service_sync.sync import sync_service
from app.jobs.actor import actor
from app.jobs.catalog import SERVICE_SYNC, SYNC_SERVICE, policies
from app.jobs.engine import broker, find_queue
from app.jobs.enqueue import enqueue_with
from app.models.hosting_service import HostingService
from app.settings import settings
from producer.tick import tick
from tests.crontab.jobs.running import run_job
from tests.domains.service_sync.conftest import Served
from tests.jobs import conftest as jobs
from tests.ledger.rows import all_rows
from tests.servers import wait_for

queue = jobs.queue
SIX_THIRTY = datetime(2026, 1, 1, 6, 30, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("queue")


def add_services(*names: str, **said: bool) -> None:
    """With these ids."""
    fields = {"is_active": True, "is_shared": True, **said}
    with db.session() as session:
        session.add_all(
            HostingService(id=name, name=name, status_url="https://x.example/", changed_at=SIX_THIRTY, **fields)
            for name in names
        )


def test_a_round_is_one_job_for_each_active_shared_service(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read page by page; said again, also by the other entry, nothing is added."""
    monkeypatch.setattr(rounds, "AT_ONCE", 2)
    add_services("a", "b", "c", "d", "e")
    add_services("inactive", is_active=False)
    add_services("own", is_shared=False)

    first = run_job("syncServices", SIX_THIRTY)
    again = run_job("syncServicesOften", SIX_THIRTY)

    assert first == again == {"promised": 5}
    rows = {row.job_id: row for row in all_rows()}
    assert sorted(rows) == [f"sync-{name}-20260101T063000" for name in "abcde"]
    assert all(row.promise_key == row.job_id for row in rows.values())
    assert {row.data["service_id"]: row.delay_ms for row in rows.values()} == {
        name: spread_ms(name, SIX_THIRTY) for name in "abcde"
    }
    assert find_queue(SERVICE_SYNC).get_job_counts()["delayed"] == 5


def test_delays_fill_half_a_minute_evenly_and_differ_from_day_to_day() -> None:
    """Ten thousand services: every second of thirty gets its share, within a fifth."""
    delays = [spread_ms(str(number), SIX_THIRTY) for number in range(10_000)]
    tomorrow = [spread_ms(str(number), SIX_THIRTY + timedelta(days=1)) for number in range(10_000)]

    assert (min(delays) >= 0, max(delays) <= 30_000) == (True, True)
    a_second = Counter(delay // 1_000 for delay in delays)
    assert all(333 * 0.8 < a_second[second] < 333 * 1.2 for second in range(30))
    assert sum(today == other for today, other in zip(delays, tomorrow, strict=True)) < 10


@pytest.mark.parametrize(
    ("environment", "slots"),
    [("development", ["20260101T063000", "20260101T063500"]), ("production", ["20260101T063000"])],
)
def test_the_entries_are_due_at_half_past_six_and_every_five_minutes(
    environment: str, slots: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S1-2, in UTC whatever TIMEZONE says."""
    secrets = {"SECRET_KEY": "s" * 32, "ENCRYPTION_KEYS": "e" * 44, "CACHE_REDIS_URL": settings().queue_redis_url}
    for name, value in {**secrets, "TORIL_ENV": environment, "TIMEZONE": "Asia/Tokyo"}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    ours = [SIX_THIRTY - timedelta(minutes=1), SIX_THIRTY, SIX_THIRTY + timedelta(minutes=4)]

    for now in ours:
        tick(now)

    with db.reading() as session:
        ticking = [entry.id for entry in entries.ticking(session) if entry.id.startswith("syncServices")]
    added = sorted(row.data["slot"] for row in all_rows() if str(row.data.get("entry")).startswith("syncServices"))
    assert ticking == ["syncServices"] if environment == "production" else ["syncServicesOften"]
    assert added == slots


def test_the_newest_ends_stay_in_redis_and_all_of_them_in_sql(served: Served) -> None:
    """C2: 10 completed, 5 failed; the rows have a retention of their own."""
    good = [served.service(f"good-{number}") for number in range(12)]
    bad = [served.service(f"bad-{number}", is_active=False) for number in range(7)]
    actor(SYNC_SERVICE)(lambda *, service_id: sync_service(service_id))
    sync_queue = find_queue(SERVICE_SYNC)
    with db.session() as session:
        enqueue_with(session, [rounds.sync_job(service, SIX_THIRTY) for service in (*good, *bad)])

    worker = Worker(broker(), queues={SERVICE_SYNC}, worker_threads=5, worker_timeout=50)
    worker.start()
    try:
        wait_for(lambda: all(row.ended_at for row in all_rows()), "every sync to end")
        wait_for(lambda: not sync_queue.get_job_counts()["active"], "Redis to know")
    finally:
        worker.stop()

    counts = sync_queue.get_job_counts()
    assert (counts["completed"], counts["failed"]) == (10, 5)
    assert Counter(row.status for row in all_rows()) == {"completed": 12, "failed": 7}
    assert {row.attempts_made for row in all_rows()} == {1}
    assert all((row.error or "").startswith("Service error: ") for row in all_rows() if row.status == "failed")


def test_a_sync_runs_four_times_at_most_after_2_4_and_8_seconds_and_five_at_once() -> None:
    """S1-3, S1-5 with C1."""
    assert (SYNC_SERVICE.attempts, SYNC_SERVICE.backoff_ms) == (4, 2_000)
    assert policies()[SERVICE_SYNC].concurrency == 5


def test_a_round_without_services_is_none(database: Engine) -> None:
    """As on the first day."""
    assert sync_all(SIX_THIRTY) == []
