"""The system's statistics and the health of its services, beside rows counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from app import db
from app.broker.queue import Queue
from app.domains.maintenance.snapshots import snapshots
from app.domains.maintenance.statistics import ServicesDown, check_services, check_system
from app.ledger.workers import seen
from app.models.job_status import Status
from app.models.schedule import UserUpdateSchedule
from app.models.slot_load import SlotLoad
from app.models.snapshot import Snapshot
from app.models.user import User
from app.settings import settings
from tests.domains.maintenance.rows import HOUR, NINE, SECOND, job
from tests.jobs import conftest as jobs
from tests.servers import free_port

queue = jobs.queue


@pytest.fixture
def system(queue: Queue, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """Redis serves as queue and as cache."""
    monkeypatch.setenv("CACHE_REDIS_URL", redis_url)
    settings.cache_clear()
    return queue


def kept(kind: str) -> Sequence[Snapshot]:
    """The snapshots of a kind."""
    with db.reading() as session:
        return session.scalars(snapshots(kind)).all()


def test_the_statistics_are_those_of_the_rows(system: Queue) -> None:
    """Two waiting jobs, five ended ones, four users, one living worker."""
    for number in (1, 2):
        system.add("process_user_data", {"user_id": str(number)})
    for took_ms in (10, 20, 60):
        job(NINE - HOUR, took_ms=took_ms)
    job(NINE - HOUR, Status.FAILED)
    job(NINE - 25 * HOUR, Status.FAILED)
    with db.session() as session:
        seen(session.connection(), "alive", NINE - SECOND)
        seen(session.connection(), "dead", NINE - 16 * SECOND)
        for key, hours in (("fresh", 24), ("late", 26), ("never", None), ("new", None)):
            last = None if hours is None else NINE - hours * HOUR
            session.add(User(id=key, email=key, password_hash=""))
            session.flush()
            slots = {"daily_update_hour": 9, "weekly_update_day": 4}
            session.add(UserUpdateSchedule(user_id=key, last_daily_update=last, **slots))
        session.add(SlotLoad(kind="hour", slot=9, users=4, minutes=[4] + [0] * 59))

    found = check_system(NINE, NINE)

    hour_counts: dict[int, int] = dict.fromkeys(range(24), 0) | {9: 4}
    assert set(found["services"].values()) == {"up"}
    assert found["workers"] == 1
    assert (found["queues"]["user-updates"]["waiting"], found["queues"]["user-updates"]["paused"]) == (2, False)
    assert found["endedIn24h"] == {"completed": 3, "partial": 0, "failed": 1, "cancelled": 0}
    assert found["recentJobs"] == {"count": 3, "meanMs": 30, "p95Ms": 60}
    daily: dict[str, Any] = {"users": 4, "fresh": 1, "late": 1, "never": 2}
    assert found["updates"]["daily"] == daily | {"oldest": (NINE - 26 * HOUR).isoformat()}
    assert found["usersPerHour"] == hour_counts


def test_the_statistics_are_kept_once_a_slot(system: Queue) -> None:
    """A second attempt takes the place of the first."""
    for slot, now in ((NINE, NINE), (NINE, NINE + SECOND), (NINE + HOUR, NINE + HOUR)):
        check_system(slot, now)

    found = kept("healthCheck")

    assert [(one.slot, one.taken_at) for one in found] == [(NINE + HOUR, NINE + HOUR), (NINE, NINE + SECOND)]
    assert found[0].figures["workers"] == 0


def test_a_service_that_is_down_fails_the_check_and_is_kept(system: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure alerts; the snapshot says which, and since when."""
    healthy = check_services(NINE, NINE)
    monkeypatch.setenv("CACHE_REDIS_URL", f"redis://127.0.0.1:{free_port()}")
    settings.cache_clear()

    with pytest.raises(ServicesDown, match="no answer from redis"):
        check_services(NINE + HOUR, NINE + HOUR)

    down, up = kept("serviceHealthCheck")
    assert up.figures == healthy
    assert set(healthy["services"].values()) == {"up"}
    assert down.figures["services"] == healthy["services"] | {"redis": "down"}
