"""Users are promised their slot once, in chunks, and only their ids are enqueued."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app import db
from app.broker.errors import Park
from app.broker.queue import Queue
from app.clock import to_ms, utc_now
from app.crontab.slots import parse_slot
from app.domains.slots import rounds
from app.domains.slots.cycle import DAILY, WEEKLY, moment
from app.domains.slots.rounds import promise_chunk, promise_updates
from app.models.job_status import JobStatus
from app.models.schedule import UserUpdateSchedule
from producer.tick import tick
from tests.ledger.rows import all_rows
from tests.producer.conftest import NINE

AddUsers = Callable[..., None]


@pytest.fixture(autouse=True)
def crontab(queue: Queue, user_updates_only: None) -> None:
    """The entries are in the table."""
    tick(NINE - timedelta(minutes=30))


def test_users_of_the_hour_are_enqueued_by_id(queue: Queue, users: AddUsers) -> None:
    """Nobody else; and a job holds an id and a cadence, nothing more."""
    users("a", "b")
    users("c", hour=10)

    promised = promise_updates(DAILY, NINE)

    job = queue.get_job("daily-a-20260101T09")
    assert promised == 2
    assert job is not None
    assert job.data == {"user_id": "a", "cadence": "daily"}
    assert sorted(row.promise_key or "" for row in all_rows()) == ["daily-a-20260101T09", "daily-b-20260101T09"]


def test_each_job_is_due_at_its_users_minute_to_the_millisecond(queue: Queue, users: AddUsers) -> None:
    """Delayed in Redis until then, and exactly a day before the next one; what is past is due at once."""
    users("a", "b")
    with db.session() as session:
        session.get_one(UserUpdateSchedule, "b").daily_minute = 59
    slot = DAILY.beginning(utc_now()).replace(hour=9) + timedelta(days=1)

    for day in (NINE, slot, slot + timedelta(days=1)):
        promise_updates(DAILY, day)

    due = {row.job_id: row.added_ms + row.delay_ms for row in all_rows() if row.delay_ms}
    expected = {
        f"daily-{user}-{day:%Y%m%dT%H}": to_ms(moment(day, minute, user))
        for user, minute in (("a", 0), ("b", 59))
        for day in (slot, slot + timedelta(days=1))
    }
    assert due == expected
    assert queue.get_job_counts()["delayed"] == 4
    assert queue.get_job_counts()["waiting"] == 2


def test_users_of_the_day_are_enqueued_with_their_week(queue: Queue, users: AddUsers) -> None:
    """The slot is the day's midnight, in UTC."""
    users("a", day=4)
    users("b", day=5)

    promised = promise_updates(WEEKLY, WEEKLY.beginning(NINE))

    assert promised == 1
    assert queue.get_job("weekly-a-20260101T00") is not None


def test_a_slot_is_promised_once(queue: Queue, users: AddUsers) -> None:
    """The second run finds nobody, though no update has succeeded yet (R4)."""
    users("a", "b")

    counts = [promise_updates(DAILY, NINE) for _ in range(2)]

    assert counts == [2, 0]
    assert len(all_rows()) == 2


def test_producers_at_once_promise_each_user_once(queue: Queue, users: AddUsers) -> None:
    """Each chunk is one transaction, and another producer finds the next users."""
    users(*(f"u{number}" for number in range(60)))

    def produce(_: int) -> int:
        total = 0
        while chunk := promise_chunk(DAILY, NINE, limit=7):
            total += chunk
        return total

    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(produce, range(4)))

    assert sum(counts) == 60
    assert queue.get_job_counts()["waiting"] == 60
    assert len({row.user_id for row in all_rows()}) == 60


def test_a_chunk_that_fails_promises_nobody(queue: Queue, users: AddUsers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and slots stand or fall together: nobody is marked as promised without a row."""
    users("a")

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(rounds, "write_promises", fail)
        with pytest.raises(ZeroDivisionError):
            promise_chunk(DAILY, NINE)

    assert all_rows() == []
    assert promise_chunk(DAILY, NINE) == 1


def test_a_long_round_gives_way_and_goes_on_later(
    queue: Queue, users: AddUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It parks after its time, and the next run promises the rest (R24)."""
    users(*(f"u{number}" for number in range(5)))
    monkeypatch.setattr(rounds, "GIVE_WAY_AFTER_S", 0.0)
    monkeypatch.setattr(rounds, "CHUNK", 2)
    monkeypatch.setattr(promise_chunk, "__defaults__", (2,))

    def run() -> str:
        try:
            return f"promised {promise_updates(DAILY, NINE)}"
        except Park:
            return "parked"

    runs = [run() for _ in range(4)]

    assert runs == ["parked", "parked", "parked", "promised 0"]
    assert len({row.user_id for row in all_rows()}) == 5


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sixty_days_of_bad_beats_give_every_user_exactly_one_slot_a_day_and_a_week(
    queue: Queue, users: AddUsers
) -> None:
    """Beats come hours late, doubled or not at all; runs end late: gaps are 24 h and 7 days, always."""
    chance = random.Random(7)
    for number in range(6):
        users(f"u{number}", hour=chance.randrange(24), day=chance.randrange(7))

    now, ran = NINE, 0
    while now < NINE + timedelta(days=60):
        now += timedelta(hours=chance.choice([1, 5, 17, 30]), minutes=chance.randrange(60))
        for _ in range(chance.choice([1, 2])):
            tick(now)
        with db.reading() as session:
            due = session.scalars(
                select(JobStatus).where(JobStatus.queue == "cron", JobStatus.id > ran).order_by(JobStatus.id)
            ).all()
        for row in due:
            promise_updates(DAILY if row.data["entry"] == "dailyUpdates" else WEEKLY, parse_slot(row.data["slot"]))
            ran = row.id

    slots: dict[str, list[datetime]] = {}
    for row in all_rows():
        if row.queue == "user-updates" and row.promise_key:
            cadence, user, slot = row.promise_key.split("-")
            slots.setdefault(f"{cadence}-{user}", []).append(datetime.strptime(slot, "%Y%m%dT%H"))  # noqa: DTZ007
    gaps = {name: {b - a for a, b in zip(sorted(of), sorted(of)[1:], strict=False)} for name, of in slots.items()}
    assert len(gaps) == 12
    assert all(found == {timedelta(days=1 if name.startswith("daily") else 7)} for name, found in gaps.items()), gaps
    assert all(len(of) >= (59 if name.startswith("daily") else 8) for name, of in slots.items())
    with db.reading() as session:
        assert all(user.last_daily_update is None for user in session.scalars(select(UserUpdateSchedule)))
