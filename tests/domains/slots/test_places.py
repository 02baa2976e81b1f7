"""Within their hour and their day, users are spread over the minutes."""

from __future__ import annotations

from collections import Counter
from itertools import chain, pairwise

import pytest
from sqlalchemy import Engine

from app import db
from app.domains.slots.assign import assign, assign_many, release
from app.domains.slots.cycle import CYCLES, DAILY, WEEKLY, Cycle, moment
from app.domains.slots.load import lock_loads, read_loads, scattered, take
from app.domains.slots.stats import stats
from app.models.schedule import UserUpdateSchedule
from tests.domains.slots.people import NINE, add_users, spread


@pytest.mark.parametrize("cycle", CYCLES, ids=["daily", "weekly"])
def test_a_hundred_thousand_users_leave_no_minute_fuller_than_another(sqlite_database: Engine, cycle: Cycle) -> None:
    """Peak to mean at most 1.05 a minute of the day; of the week, where a minute has ten users, one more than ten."""
    with db.session() as session:
        loads = lock_loads(session)
        for _ in range(100):
            take(session, loads, cycle, 1_000)

        minutes = list(chain.from_iterable(read_loads(session)[cycle.kind].values()))
        shown = stats(session)

    assert sum(minutes) == 100_000
    assert spread(minutes) == 1
    assert shown.daily.peak_to_mean is None or shown.daily.peak_to_mean <= 1.05
    assert shown.weekly.peak_to_mean is None or shown.weekly.peak_minute == 10


@pytest.mark.parametrize("cycle", CYCLES, ids=["daily", "weekly"])
def test_the_first_users_of_a_slot_are_far_apart(cycle: Cycle) -> None:
    """Any first few are spread over all of it, and every minute is taken once before any is taken twice."""
    order = list(scattered(cycle))

    for few in (2, 5, 13, 34):
        taken = sorted(order[:few])
        widest = max(after - before for before, after in pairwise([*taken, taken[0] + cycle.minutes]))
        assert widest <= 2.7 * cycle.minutes / few
    assert sorted(order) == list(range(cycle.minutes))


def test_the_minute_of_one_who_leaves_is_filled_by_the_next(database: Engine) -> None:
    """Hour, day, and the minute of each."""
    with db.session() as session:
        everyone = add_users(session, 24 * 60)
        assign_many(session, everyone)
        left = session.get_one(UserUpdateSchedule, everyone[700])
        place = (left.daily_update_hour, left.daily_minute)
        release(session, left.user_id)
        [newcomer] = add_users(session, 1, first=9_000)

        schedule = assign(session, newcomer)

        assert (schedule.daily_update_hour, schedule.daily_minute) == place
        assert set(chain.from_iterable(read_loads(session)["hour"].values())) == {1}


def test_users_of_a_minute_come_one_by_one() -> None:
    """Each has a part of the minute of their own, the same in every slot."""
    turns = [moment(NINE, 7, f"u{number}") for number in range(1_000)]

    per_second = Counter(turn.second for turn in turns)

    assert {turn.replace(second=0, microsecond=0) for turn in turns} == {NINE.replace(minute=7)}
    assert len(per_second) == 60
    assert max(per_second.values()) < 40
    assert turns == [moment(NINE, 7, f"u{number}") for number in range(1_000)]


def test_no_users_have_no_peak(sqlite_database: Engine) -> None:
    """Before anybody is verified: zeros for every slot."""
    with db.session() as session:
        found = stats(session)

    assert found.as_dict()["usersPerHour"] == dict.fromkeys(range(DAILY.slots), 0)
    assert found.as_dict()["usersPerDay"] == dict.fromkeys(range(WEEKLY.slots), 0)
    assert found.daily.peak_to_mean is None
    assert found.workers.by_measure is None
