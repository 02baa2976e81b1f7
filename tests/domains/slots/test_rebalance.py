"""After many have left, users are moved to where there is room, and no gap exceeds a day, or a week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from app import db
from app.broker.queue import Queue
from app.clock import to_ms, utc_now
from app.domains.slots.assign import assign_many, release
from app.domains.slots.cycle import CYCLES, DAILY, DAY, HOUR, MINUTE, WEEK, WEEKLY, Cycle, Place, moment
from app.domains.slots.due import promise
from app.domains.slots.load import read_loads
from app.domains.slots.rebalance import Move, Standing, carry_out, may_move, move_to, plan, relocate
from app.models.base import Base
from app.models.schedule import UserUpdateSchedule
from app.models.slot_load import SlotLoad
from tests.domains.slots.people import NINE, add_users, spread, users_per_slot
from tests.jobs import conftest as jobs
from tests.ledger.rows import all_rows

queue = jobs.queue


def test_after_removals_every_slot_and_minute_is_within_one_user_of_every_other(database: Engine) -> None:
    """C7 again, by the fewest moves; and planning alone moves nobody."""
    with db.session() as session:
        everyone = add_users(session, 600)
        assign_many(session, everyone)
        for user_id in everyone[0:200:3] + everyone[205:600:24]:
            release(session, user_id)

        moves = plan(session, NINE)

        assert spread(users_per_slot(session)[0]) > 1
    moved = carry_out(moves, NINE)
    with db.session() as session:
        loads = read_loads(session)
        assert moved == len(moves) > 0
        assert all(spread(counts) <= 1 for counts in users_per_slot(session))
        assert all(spread(minutes) <= 1 for kind in loads.values() for minutes in kind.values())
        assert plan(session, NINE) == []


def test_a_user_who_would_wait_too_long_gets_the_next_turn_of_the_old_place_too() -> None:
    """One whose new place comes sooner than a gap does not: that run is the extra one."""
    nine_seven = Standing("u", Place(9, 7), NINE, 7)
    cases = {
        Place(15, 0): None,  # today at 15:00: sooner
        Place(9, 3): None,  # tomorrow, four minutes sooner
        Place(9, 8): NINE + DAY,  # tomorrow, a minute later
        Place(10, 0): NINE + DAY,  # this hour has begun, so tomorrow at 10:00
        Place(11, 0): NINE + DAY,  # it begins in two minutes, and may be promised before the move
    }

    moves = {place: move_to(DAILY, nine_seven, place, NINE + HOUR + 58 * MINUTE) for place in cases}

    assert {place: move.extra and move.extra.slot for place, move in moves.items()} == cases
    [at] = {move.extra.at for move in moves.values() if move.extra}
    assert at == moment(NINE + DAY, 7, "u")


def test_who_was_moved_or_is_late_is_not_moved() -> None:
    """Until their new place has been promised, or the producer has caught up; a new user is free to go."""
    now = NINE + HOUR
    standings = {
        "settled": Standing("u", Place(9, 7), NINE, 7),
        "moved to another hour": Standing("u", Place(15, 7), NINE, 7),
        "moved to another minute": Standing("u", Place(9, 8), NINE, 7),
        "not promised for a day": Standing("u", Place(9, 7), NINE - DAY, 7),
        "never promised": Standing("u", Place(9, 7), datetime(1970, 1, 1, tzinfo=UTC), 0),
    }

    movable = {name for name, user in standings.items() if may_move(DAILY, user, now)}

    assert movable == {"settled", "never promised"}


def test_the_extra_run_is_a_delayed_job_of_the_same_transaction(queue: Queue) -> None:
    """Promised under a name of its own, so that the same slot at the new place is another job."""
    slot = DAILY.beginning(utc_now())
    with db.session() as session:
        [user_id] = add_users(session, 1)
        assign_many(session, [user_id])
        hour = {"daily_update_hour": slot.hour, "daily_minute": 0, "promised_daily_slot": slot}
        session.execute(update(UserUpdateSchedule).values(hour))
    move = Move(DAILY, user_id, Place(slot.hour, 0), Place(slot.hour, 9), None)

    moved = carry_out([move, move], utc_now())

    [row] = all_rows()
    assert moved == 1
    assert row.promise_key == f"daily-{user_id}-{slot + DAY:%Y%m%dT%H}-moved"
    assert row.due_at == moment(slot + DAY, 0, user_id)
    assert queue.get_job_counts()["delayed"] == 1
    assert row.added_ms + row.delay_ms == to_ms(moment(slot + DAY, 0, user_id))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_user_who_is_just_being_promised_is_passed_over(database: Engine) -> None:
    """Waiting for each other, a producer and a rebalance could wait for ever."""
    with db.session() as session:
        [user_id] = add_users(session, 1)
        assign_many(session, [user_id])
    move = Move(DAILY, user_id, Place(0, 0), Place(9, 0), None)

    with Session(database) as producer:
        promise(producer, DAILY, NINE.replace(hour=0), limit=10)
        moved_meanwhile = carry_out([move], NINE)
        producer.rollback()

    assert moved_meanwhile == 0
    assert carry_out([move], NINE) == 1


@pytest.fixture(scope="module")
def calendar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session over users with places, whose promises and moves are never committed."""
    path: Path = tmp_path_factory.mktemp("moves")
    engine = db.open_engine(f"sqlite:///{path}/moves.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        assign_many(session, add_users(session, 12))
        yield session
        session.rollback()
    engine.dispose()


@hypothesis_settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_gap_exceeds_a_day_or_a_week_whoever_is_moved_wherever(calendar: Session, seed: int) -> None:
    """30 days of rounds that run late, runs of any length, and moves to anywhere at any time, also back again."""
    chance = Random(seed)
    turns: dict[tuple[Cycle, str], list[datetime]] = defaultdict(list)
    moved = extra = 0
    beginning = datetime(2026, 3, 1, tzinfo=UTC)
    with calendar.begin_nested() as everything:
        for hour in range(30 * 24):
            slot = beginning + hour * HOUR
            minutes = sorted(chance.sample(range(60), 3))
            for minute in minutes:  # one of these is the round's, the others are an operator's
                now = slot + minute * MINUTE
                if minute == minutes[hour % 3]:
                    for cycle in CYCLES if slot.hour == 0 else (DAILY,):
                        for user_id, of_slot in promise(calendar, cycle, slot, limit=100):
                            turns[cycle, user_id].append(moment(slot, of_slot, user_id))
                else:
                    cycle = chance.choice(CYCLES)
                    made = relocate(calendar, cycle, _random_moves(calendar, cycle, chance), now)
                    moved += len(made)
                    for move in made:
                        if move.extra is not None:
                            extra += 1
                            turns[cycle, move.user_id].append(move.extra.at)
            ended = slot - timedelta(minutes=chance.randrange(3_000))
            calendar.execute(update(UserUpdateSchedule).values(last_daily_update=ended, last_weekly_update=ended))
        everything.rollback()

    longest = {
        cycle.cadence: max(
            chain.from_iterable(
                (after - before for before, after in pairwise(sorted(at)))
                for (of, _), at in turns.items()
                if of is cycle
            )
        )
        for cycle in CYCLES
    }
    assert longest == {"daily": DAY, "weekly": WEEK}
    assert moved > 200
    assert extra > 50


def _random_moves(session: Session, cycle: Cycle, chance: Random) -> list[Move]:
    """Two users to anywhere, more often than not to another minute of the slot that they have."""
    users = session.execute(select(UserUpdateSchedule.user_id, cycle.slot, cycle.minute)).all()
    moves = []
    for user_id, slot, minute in chance.sample(list(users), 2):
        to_slot = slot if chance.random() < 0.3 else chance.randrange(cycle.slots)
        moves.append(Move(cycle, user_id, Place(slot, minute), Place(to_slot, chance.randrange(cycle.minutes)), None))
    return moves


def test_an_installation_that_knew_no_minutes_is_spread(database: Engine) -> None:
    """After the migration everybody stands at the beginning of their slot; a rebalance gives them minutes."""
    with db.session() as session:
        assign_many(session, add_users(session, 200))
        session.execute(update(UserUpdateSchedule).values({"daily_minute": 0, "weekly_minute": 0}))
        for cycle in CYCLES:
            _everybody_at_the_beginning(session, cycle)

        moves = plan(session, NINE)

    carry_out(moves, NINE)
    with db.session() as session:
        loads = read_loads(session)
        assert all(spread(minutes) <= 1 for kind in loads.values() for minutes in kind.values())
        assert {move.cycle for move in moves} == {DAILY, WEEKLY}
        assert all(move.old.slot == move.new.slot for move in moves)


def _everybody_at_the_beginning(session: Session, cycle: Cycle) -> None:
    for load in session.scalars(select(SlotLoad).where(SlotLoad.kind == cycle.kind)):
        load.minutes = [load.users, *[0] * (cycle.minutes - 1)]
    session.flush()
