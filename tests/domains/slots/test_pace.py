"""The documents' batches: 5 or 3 users, a pause, the next; for those who set BATCH_DELAY_MS."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app import db
from app.domains.slots.cycle import DAILY, DAY, HOUR, WEEKLY, moment
from app.domains.slots.due import promise
from app.domains.slots.pace import pause, turns
from app.models.schedule import UserUpdateSchedule
from app.settings import settings
from tests.domains.slots.people import NINE, add_users

MIDNIGHT = NINE.replace(hour=0)  # a Thursday's


def add_users_of_nine(count: int) -> None:
    """Users of nine o'clock on Thursdays, all at their minute 7."""
    with db.session() as session:
        session.add_all(
            UserUpdateSchedule(
                user_id=user_id, daily_update_hour=9, daily_minute=7, weekly_update_day=4, weekly_minute=7
            )
            for user_id in add_users(session, count)
        )


@pytest.fixture
def legacy(sqlite_database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute between batches."""
    monkeypatch.setenv("BATCH_DELAY_MS", "60000")
    settings.cache_clear()


def test_without_a_pause_each_user_has_a_minute_of_their_own(sqlite_database: Engine) -> None:
    """The default: no batches."""
    add_users_of_nine(1)

    with db.session() as session:
        [turn] = turns(session, DAILY, NINE, promise(session, DAILY, NINE, limit=10))

    assert (turn.slot, turn.at) == (NINE, moment(NINE, 7, "u000000"))


def test_batches_of_five_leave_a_minute_apart_however_they_were_promised(legacy: None) -> None:
    """The train goes on where the last chunk ended."""
    add_users_of_nine(12)
    minutes = []

    for chunk in (4, 4, 4):
        with db.session() as session:
            made = turns(session, DAILY, NINE, promise(session, DAILY, NINE, limit=chunk))
            minutes += [(turn.at - NINE) // timedelta(minutes=1) for turn in made]

    assert minutes == [0] * 5 + [1] * 5 + [2] * 2


def test_weekly_batches_have_three_users(legacy: None) -> None:
    """They are more work."""
    add_users_of_nine(7)

    with db.session() as session:
        made = turns(session, WEEKLY, MIDNIGHT, promise(session, WEEKLY, MIDNIGHT, limit=10))

    assert [(turn.at - MIDNIGHT) // timedelta(minutes=1) for turn in made] == [0, 0, 0, 1, 1, 1, 2]


def test_the_pause_is_shorter_where_the_slot_is_too_short_for_all(legacy: None) -> None:
    """The last batch leaves within the slot, whatever the number of users."""
    add_users_of_nine(1_000)  # 200 batches: 18 s

    with db.session() as session:
        made = turns(session, DAILY, NINE, promise(session, DAILY, NINE, limit=1_000))

    moments = sorted({turn.at for turn in made})
    assert len(moments) == 200
    assert moments[1] - moments[0] == timedelta(seconds=18)
    assert moments[-1] == NINE + HOUR - timedelta(seconds=18)


def test_a_pause_is_never_longer_than_it_is_set(legacy: None) -> None:
    """60 batches of an hour are the most that have a whole minute."""
    pauses = {users: pause(DAILY, users) for users in (0, 1, 300, 301, 10_000)}

    minute = timedelta(minutes=1)
    assert pauses == {0: minute, 1: minute, 300: minute, 301: HOUR / 61, 10_000: HOUR / 2_000}
    assert pause(WEEKLY, 43_200) == DAY / 14_400
