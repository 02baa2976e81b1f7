"""Every (entry, slot) becomes one job, however many producers tick and however late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from redis.exceptions import RedisError
from sqlalchemy import update

from app import db
from app.broker.queue import Queue
from app.clock import to_ms
from app.crontab import code, entries
from app.models.crontab_entry import CrontabEntry
from app.models.schedule import UserUpdateSchedule
from app.models.user import User
from producer.tick import tick
from tests.ledger.rows import all_rows
from tests.producer.conftest import NINE

HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("user_updates_only")


def added() -> list[str]:
    """The ids of all cron jobs, in order."""
    return sorted(row.job_id for row in all_rows())


def test_a_slot_is_added_ahead_and_delayed_to_its_second(cron: Queue) -> None:
    """Under an id that says what it is, with nothing in it but names."""
    tick(NINE - HOUR / 2)

    count = tick(NINE - timedelta(seconds=30))

    (row,) = all_rows()
    job = cron.get_job("tick-dailyUpdates-20260101T090000")
    assert count == 1
    assert (row.promise_key, row.name, row.delay_ms) == (row.job_id, "promise_daily_updates", 30_000)
    assert row.confirmed_at is not None
    assert job is not None
    assert job.state() == "delayed"
    assert job.data == {"entry": "dailyUpdates", "slot": "20260101T090000", "version": 1, "manual": False}


def test_a_new_entry_has_no_past(cron: Queue) -> None:
    """The first tick of an installation catches up with nothing."""
    assert tick(NINE + HOUR / 2) == 0


def test_a_doubled_beat_adds_nothing(cron: Queue) -> None:
    """Not within the minute, and not in the next one."""
    tick(NINE - HOUR / 2)

    counts = [tick(NINE + timedelta(seconds=seconds)) for seconds in (0, 0, 30, 61)]

    assert counts == [1, 0, 0, 0]


def test_ticks_at_once_add_each_slot_once(cron: Queue) -> None:
    """Eight producers, one midnight: sixteen hourly slots and a daily one."""
    tick(NINE - HOUR / 2)
    midnight = NINE + 15 * HOUR

    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(tick, [midnight] * 8))

    assert sum(counts) == 16 + 1
    counted = cron.get_job_counts()
    assert counted["waiting"] + counted["delayed"] == 17
    assert len(set(added())) == 17


def test_slots_missed_while_no_producer_ran_are_caught_up(cron: Queue) -> None:
    """Down for three hours: users of those hours are promised nonetheless."""
    tick(NINE - HOUR / 2)

    tick(NINE + 2.5 * HOUR)

    assert added() == [f"tick-dailyUpdates-20260101T{hour}0000" for hour in ("09", "10", "11")]


def test_a_tick_while_redis_is_away_loses_nothing(cron: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows stand, unconfirmed, and the cursor has moved with them."""
    tick(NINE - HOUR / 2)

    def away(*_: object) -> None:
        raise RedisError("connection refused")

    monkeypatch.setattr(Queue, "add_recorded", away)
    counts = [tick(NINE), tick(NINE)]

    assert counts == [1, 0]
    assert [(row.job_id, row.confirmed_at) for row in all_rows()] == [("tick-dailyUpdates-20260101T090000", None)]


def test_a_stopped_entry_adds_nothing(cron: Queue) -> None:
    """Only the other one goes on."""
    tick(NINE - HOUR / 2)
    with db.session() as session:
        session.execute(update(CrontabEntry).where(CrontabEntry.id == "dailyUpdates").values(enabled=False))

    tick(NINE + 15 * HOUR)

    assert added() == ["tick-weeklyUpdates-20260102T000000"]


def test_a_change_in_the_code_is_a_new_version(cron: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was added under the old one runs only if the new schedule has its slot too (R23)."""
    tick(NINE - HOUR / 2)
    later = code.jobs()["dailyUpdates"].model_copy(update={"schedule": "30 * * * *"})
    changed_code = {**code.jobs(), "dailyUpdates": later}
    monkeypatch.setattr(code, "jobs", lambda: changed_code)

    tick(NINE)

    with db.reading() as session:
        changed = session.get_one(CrontabEntry, "dailyUpdates")
        assert (changed.version, changed.schedule) == (2, "30 * * * *")
        assert entries.runnable(session, "dailyUpdates", NINE, 1) is None
        assert entries.runnable(session, "dailyUpdates", NINE + HOUR / 2, 1) is not None


def test_a_job_is_timed_by_redis_and_delayed_by_the_ticks_own_now(cron: Queue) -> None:
    """The delay is the slot less the tick's time, so both come from one clock."""
    tick(NINE - HOUR / 2)

    tick(NINE - timedelta(seconds=90))

    (row,) = all_rows()
    assert row.delay_ms == 90_000
    assert abs(row.added_ms - cron.now_ms()) < 60_000
    assert to_ms(NINE) != row.added_ms


def test_a_verified_user_without_slots_gets_them(cron: Queue) -> None:
    """S0-4: a scheduling failure at verification is made good by the next tick."""
    with db.session() as session:
        session.add(User(id="7", email="7@example.com", password_hash="x", role="user", verified_at=NINE))

    tick(NINE)

    with db.reading() as session:
        assert session.get(UserUpdateSchedule, "7") is not None
