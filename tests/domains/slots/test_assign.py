"""Users are spread evenly over hours and days, whoever assigns and whoever leaves."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app import db
from app.domains.slots.assign import assign, assign_many, assign_missing, release
from app.models.schedule import UserUpdateSchedule
from tests.domains.slots.people import add_users, spread, users_per_slot

HOURS, DAYS = 24, 7


def test_ten_thousand_users_are_within_one_of_each_other_in_every_slot(database: Engine) -> None:
    """CONTRACTS C7, at every point on the way there, for hours and for days."""
    chunks = random.Random(7)
    with db.session() as session:
        waiting = add_users(session, 10_000)
        while waiting:
            size = chunks.choice([1, 5, 23, 24, 25, 400, 1_700])

            assign_many(session, waiting[:size])

            waiting = waiting[size:]
            hours, days = users_per_slot(session)
            assert spread(hours) <= 1
            assert spread(days) <= 1

    with db.session() as session:
        hours, days = users_per_slot(session)
    assert sum(hours) == sum(days) == 10_000
    assert (spread(hours), spread(days)) == (1, 1)


def test_eight_threads_at_once_keep_the_balance(database: Engine) -> None:
    """Each verification in a transaction of its own, on connections of their own."""
    with db.session() as session:
        everyone = add_users(session, 8 * 40)

    def verify(user_ids: list[str]) -> None:
        for user_id in user_ids:
            with db.session() as session:
                assign(session, user_id)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(verify, [everyone[worker::8] for worker in range(8)]))

    with db.session() as session:
        hours, days = users_per_slot(session)
    assert sum(hours) == len(everyone)
    assert spread(hours) <= 1
    assert spread(days) <= 1


def test_one_user_verified_by_eight_threads_has_one_slot(database: Engine) -> None:
    """A doubled click counts once."""
    with db.session() as session:
        [user_id] = add_users(session, 1)

    def verify(_: int) -> int:
        with db.session() as session:
            return assign(session, user_id).daily_update_hour

    with ThreadPoolExecutor(8) as threads:
        hours = set(threads.map(verify, range(8)))

    assert len(hours) == 1
    with db.session() as session:
        assert [sum(counts) for counts in users_per_slot(session)] == [1, 1]


def test_the_place_of_one_who_leaves_is_filled_by_the_next(database: Engine) -> None:
    """Removal gives hour and day back to those who come after."""
    with db.session() as session:
        first, *_ = assigned = add_users(session, HOURS * DAYS)
        assign_many(session, assigned)
        freed = session.get_one(UserUpdateSchedule, first)
        freed_slots = (freed.daily_update_hour, freed.weekly_update_day)
        release(session, first)

        [newcomer] = add_users(session, 1, first=1_000)
        schedule = assign(session, newcomer)

        assert (schedule.daily_update_hour, schedule.weekly_update_day) == freed_slots
        assert users_per_slot(session) == ([DAYS] * HOURS, [HOURS] * DAYS)


def test_a_slot_given_back_twice_is_counted_once(sqlite_database: Engine) -> None:
    """The second release finds no schedule."""
    with db.session() as session:
        [user_id] = add_users(session, 1)
        assign(session, user_id)
        release(session, user_id)

        release(session, user_id)

        hours, days = users_per_slot(session)
        assert (sum(hours), sum(days)) == (0, 0)


def test_an_assignment_that_is_rolled_back_counts_nobody(database: Engine) -> None:
    """Schedule and counters commit together."""
    with db.session() as session:
        [user_id] = add_users(session, 1)
    with Session(database) as abandoned:
        assign(abandoned, user_id)

        abandoned.rollback()

    with db.session() as session:
        assert assign(session, user_id).daily_update_hour == 0
        assert sum(users_per_slot(session)[0]) == 1


def test_a_verified_user_left_without_a_schedule_gets_one_later(sqlite_database: Engine) -> None:
    """The backstop of a verification whose assignment failed."""
    with db.session() as session:
        left_out, scheduled = add_users(session, 2)
        assign(session, scheduled)

        found = assign_missing(session)

        assert found == 1
        assert session.get(UserUpdateSchedule, left_out) is not None
