"""The producer's parts on an empty Redis and an empty database of each kind, with users whose slot is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from app import db
from app.broker.queue import Queue
from app.crontab.code import jobs as jobs_of_code
from app.jobs.engine import find_queue
from app.models.schedule import UserUpdateSchedule
from app.models.user import User
from tests.jobs import conftest as jobs

queue = jobs.queue
NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)


@pytest.fixture
def cron(queue: Queue) -> Queue:
    """The producer's own queue."""
    return find_queue("cron")


@pytest.fixture
def user_updates_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The crontab has the producer's own two entries, whatever else the code brings."""
    two = {name: job for name, job in jobs_of_code().items() if name in ("dailyUpdates", "weeklyUpdates")}
    for module in ("entries", "adding", "execute"):
        monkeypatch.setattr(f"app.crontab.{module}.jobs", lambda: two)


@pytest.fixture
def users(queue: Queue) -> Callable[..., None]:
    """Adds users with that hour (UTC) and day (0 = Sunday)."""

    def add(*user_ids: str, hour: int = 9, day: int = 4) -> None:
        with db.session() as session:
            session.add_all(
                User(id=one, email=f"{one}@example.com", password_hash="x", role="user") for one in user_ids
            )
            session.flush()
            session.add_all(
                UserUpdateSchedule(user_id=one, daily_update_hour=hour, weekly_update_day=day) for one in user_ids
            )

    return add
