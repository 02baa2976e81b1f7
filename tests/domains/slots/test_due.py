"""A slot is promised once, and the next one comes exactly a day, or a week, later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from app import db
from app.domains.slots.cycle import DAILY, DAY, HOUR, MINUTE, WEEK, WEEKLY, moment, next_daily, next_weekly
from app.domains.slots.due import due, promise
from app.models.base import Base
from app.models.schedule import UserUpdateSchedule
from tests.domains.slots.people import add_users

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
SUNDAY = datetime(2026, 1, 4, tzinfo=UTC)


def schedule(session: Session, hour: int = 9, day: int = 0, count: int = 1, first: int = 0) -> list[str]:
    """Users of that hour and day, promised nothing yet."""
    ids = add_users(session, count, first)
    session.add_all(
        UserUpdateSchedule(user_id=user_id, daily_update_hour=hour, weekly_update_day=day) for user_id in ids
    )
    session.flush()
    return ids


def test_a_user_is_due_in_their_hour_and_in_no_other(database: Engine) -> None:
    """In UTC, whatever the zone of the one who asks."""
    with db.session() as session:
        [user_id] = schedule(session, hour=9)

        due_in = [hour for hour in range(24) if session.scalars(due(DAILY, NINE.replace(hour=hour))).all() == [user_id]]

        assert due_in == [9]


def test_a_user_is_due_on_their_day_and_on_no_other(database: Engine) -> None:
    """0 is Sunday."""
    with db.session() as session:
        [user_id] = schedule(session, day=0)

        due_on = [day for day in range(7) if session.scalars(due(WEEKLY, SUNDAY + day * DAY)).all() == [user_id]]

        assert due_on == [0]


def test_a_user_whose_slot_is_promised_is_not_due_again(database: Engine) -> None:
    """Also when the work has not ended: promise and success are two columns (RULES R4)."""
    with db.session() as session:
        schedule(session)
        promise(session, DAILY, NINE, limit=10)

        again = promise(session, DAILY, NINE, limit=10)

        assert list(again) == []


def test_promises_come_in_chunks_until_nobody_is_left(database: Engine) -> None:
    """Each user in one chunk."""
    with db.session() as session:
        everyone = schedule(session, count=25)

        chunks = [list(promise(session, DAILY, NINE, limit=10)) for _ in range(4)]

        assert [len(chunk) for chunk in chunks] == [10, 10, 5, 0]
        assert sorted(user.user_id for chunk in chunks for user in chunk) == everyone


def test_a_promise_that_is_rolled_back_was_never_made(database: Engine) -> None:
    """The rows of its jobs went with it."""
    with db.session() as session:
        [user_id] = schedule(session)
    with Session(database) as abandoned:
        promise(abandoned, DAILY, NINE, limit=10)
        abandoned.rollback()

    with db.session() as session:
        assert [user.user_id for user in promise(session, DAILY, NINE, limit=10)] == [user_id]


@pytest.mark.parametrize("slot", [NINE.replace(minute=1), NINE.replace(tzinfo=None)])
def test_a_time_inside_a_slot_is_refused(slot: datetime) -> None:
    """It would promise a slot that does not exist, and the next gap would not be 24 hours."""
    with pytest.raises(ValueError, match="give its beginning, 2026-01-01T09:00:00"):
        due(DAILY, slot)


def test_the_next_slots_are_shown_from_now(subtests: pytest.Subtests) -> None:
    """Strictly later than now: the slot that has begun is promised, or about to be."""
    cases = [
        (next_daily(9, NINE - HOUR), NINE),
        (next_daily(9, NINE, minute=7), NINE + 7 * MINUTE),
        (next_daily(9, NINE + 7 * MINUTE, minute=7), NINE + 7 * MINUTE + DAY),
        (next_daily(8, NINE, minute=59), NINE - MINUTE + DAY),
        (next_daily(9, NINE), NINE + DAY),
        (next_weekly(0, SUNDAY - HOUR), SUNDAY),
        (next_weekly(0, SUNDAY), SUNDAY + WEEK),
        (next_weekly(3, SUNDAY + HOUR), SUNDAY + 3 * DAY),
        (next_weekly(0, SUNDAY + HOUR, minute=61), SUNDAY + 61 * MINUTE),
        (next_weekly(6, SUNDAY, minute=1_439), SUNDAY + WEEK - MINUTE),
    ]

    for found, expected in cases:
        with subtests.test(expected=expected.isoformat()):
            assert found == expected


@pytest.fixture(scope="module")
def calendar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session over eight users of different hours, days and minutes, whose promises are never committed."""
    path: Path = tmp_path_factory.mktemp("calendar")
    engine = db.open_engine(f"sqlite:///{path}/calendar.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for number, (hour, day) in enumerate([(0, 0), (1, 6), (5, 3), (9, 0), (12, 1), (17, 2), (22, 4), (23, 5)]):
            schedule(session, hour, day, first=number)
        minutes = {UserUpdateSchedule.daily_minute: 37, UserUpdateSchedule.weekly_minute: 1_201}
        session.execute(update(UserUpdateSchedule).where(UserUpdateSchedule.user_id > "u000003").values(minutes))
        yield session
        session.rollback()
    engine.dispose()


@hypothesis_settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_gaps_are_exact_over_sixty_days_whatever_the_beats_do(calendar: Session, seed: int) -> None:
    """Beats late, doubled and missed, and runs of any length: every user's turn, every 24 hours and every 7 days.

    A producer that was down walks through the slots it missed, in order: that is all a beat has to do.
    """
    chance = Random(seed)
    promised: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    cursor = beginning = datetime(2026, 3, 1, tzinfo=UTC)
    now = beginning
    with calendar.begin_nested() as everything:
        while now < beginning + 60 * DAY:
            now += HOUR if chance.random() < 0.8 else chance.randrange(1, 9) * HOUR  # missed beats
            late = timedelta(minutes=chance.randrange(60))
            for _ in range(chance.choice([1, 1, 2])):  # doubled beats
                slot = cursor
                while slot <= DAILY.beginning(now + late):
                    for user_id, minute in promise(calendar, DAILY, slot, limit=100):
                        promised["daily", user_id].append(moment(slot, minute, user_id))
                    if slot.hour == 0:
                        for user_id, minute in promise(calendar, WEEKLY, slot, limit=100):
                            promised["weekly", user_id].append(moment(slot, minute, user_id))
                    slot += HOUR
            cursor = DAILY.beginning(now + late)
            _end_some_run(calendar, chance, now)
        everything.rollback()

    gaps = {
        kind: {
            later - earlier for (of, _), slots in promised.items() if of == kind for earlier, later in pairwise(slots)
        }
        for kind in ("daily", "weekly")
    }
    assert gaps == {"daily": {DAY}, "weekly": {WEEK}}
    assert len(promised) == 16


def _end_some_run(session: Session, chance: Random, now: datetime) -> None:
    """A run that took any time at all moves the time of the last good update, and nothing else."""
    ended = now - timedelta(minutes=chance.randrange(3_000))
    session.execute(update(UserUpdateSchedule).values(last_daily_update=ended, last_weekly_update=ended))
