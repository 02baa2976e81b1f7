"""Which slots a tick finds, on time and after a pause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.crontab.cron import InvalidSchedule, slots_between
from app.crontab.slots import AHEAD, AT_ONCE, CatchUp, Due, Skipped, parse_slot, slot_name, slots_due

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def hours(*numbers: int) -> list[datetime]:
    """Full hours of that day."""
    return [NINE.replace(hour=number) for number in numbers]


def test_a_slot_belongs_to_the_tick_whose_window_it_closes() -> None:
    """The window is open at its beginning and closed at its end: no slot is in two, none in none."""
    assert list(slots_between("0 * * * *", "UTC", NINE, NINE + HOUR)) == hours(10)
    assert list(slots_between("0 * * * *", "UTC", NINE - SECOND, NINE)) == hours(9)


def test_windows_side_by_side_find_every_slot_once() -> None:
    """However the time between is cut."""
    cuts = [NINE + timedelta(minutes=7 * number) for number in range(60)]

    found = [slot for begin, end in pairwise(cuts) for slot in slots_between("0 * * * *", "UTC", begin, end)]

    assert found == hours(10, 11, 12, 13, 14, 15)


def test_six_fields_have_the_seconds_first() -> None:
    """``*/30`` there is every half minute, not every half hour (C16)."""
    found = slots_between("*/30 * * * * *", "UTC", NINE, NINE + timedelta(minutes=1))

    assert list(found) == [NINE + 30 * SECOND, NINE + 60 * SECOND]


def test_sundays_come() -> None:
    """The clock's own parser never fires on them."""
    (sunday,) = slots_between("0 8 * * 0", "UTC", NINE, NINE + timedelta(days=7))

    assert sunday == datetime(2026, 1, 4, 8, tzinfo=UTC)


def test_a_schedule_follows_its_zone() -> None:
    """Nine in Madrid is eight UTC in winter and seven in summer."""
    winter = next(slots_between("0 9 * * *", "Europe/Madrid", NINE, NINE + timedelta(days=2)))
    summer = next(slots_between("0 9 * * *", "Europe/Madrid", NINE + timedelta(days=180), NINE + timedelta(days=182)))

    assert (winter.hour, summer.hour) == (8, 7)


@pytest.mark.parametrize(
    ("schedule", "zone"),
    [("60 * * * *", "UTC"), ("* * *", "UTC"), ("0 25 * * *", "UTC"), ("0 9 * * *", "Mars/Olympus")],
)
def test_a_schedule_that_no_clock_could_follow_is_refused_with_its_text(schedule: str, zone: str) -> None:
    """So is a zone that does not exist."""
    with pytest.raises(InvalidSchedule) as refused:
        next(slots_between(schedule, zone, NINE, NINE + HOUR), None)

    assert schedule in str(refused.value)


def test_slots_are_found_90_seconds_ahead() -> None:
    """So that a late beat costs nothing."""
    just_in, too_early = NINE - AHEAD, NINE - AHEAD - SECOND

    assert slots_due("0 * * * *", "UTC", "all", NINE - HOUR, just_in) == Due(hours(9))
    assert slots_due("0 * * * *", "UTC", "all", NINE - HOUR, too_early) == Due([])


@pytest.mark.parametrize(
    ("policy", "run", "skipped"),
    [
        ("all", (7, 8, 9), None),
        ("one", (9,), Skipped(2, *hours(7, 8))),
        ("skip", (), Skipped(3, *hours(7, 9))),
    ],
)
def test_after_three_hours_down_the_policy_decides(
    policy: CatchUp, run: tuple[int, ...], skipped: Skipped | None
) -> None:
    """All that was missed, the latest of it, or nothing; and what is dropped is counted."""
    due = slots_due("0 * * * *", "UTC", policy, NINE - 3 * HOUR, NINE + HOUR / 2)

    assert due == Due(hours(*run), skipped)
    assert due.reaches == NINE


def test_one_is_one_run_for_the_whole_pause() -> None:
    """Also where some of the missed slots were missed only a moment ago."""
    due = slots_due("*/30 * * * * *", "UTC", "one", NINE - 3 * HOUR, NINE)

    assert due.slots == [NINE, NINE + 30 * SECOND, NINE + 60 * SECOND, NINE + 90 * SECOND]
    assert due.skipped == Skipped(359, NINE - 3 * HOUR + 30 * SECOND, NINE - 30 * SECOND)


@pytest.mark.parametrize("policy", ["all", "one", "skip"])
def test_a_late_beat_is_no_miss_under_any_policy(policy: CatchUp) -> None:
    """Two minutes late: the slot is still added."""
    assert slots_due("0 * * * *", "UTC", policy, NINE - HOUR / 2, NINE + timedelta(minutes=2)) == Due(hours(9))


@pytest.mark.parametrize("policy", ["all", "one", "skip"])
def test_what_the_cursor_has_passed_is_not_due_again(policy: CatchUp) -> None:
    """Neither a minute later, when it would still be on time, nor as "the latest missed"."""
    assert slots_due("0 * * * *", "UTC", policy, NINE, NINE + timedelta(minutes=1)) == Due([])
    assert slots_due("0 * * * *", "UTC", policy, NINE, NINE + HOUR / 2) == Due([])


def test_a_long_past_is_caught_up_in_portions() -> None:
    """The next tick goes on where this one ended."""
    first = slots_due("* * * * *", "UTC", "all", NINE - timedelta(days=2), NINE).slots
    second = slots_due("* * * * *", "UTC", "all", first[-1], NINE).slots

    assert len(first) == AT_ONCE
    assert second[0] == first[-1] + timedelta(minutes=1)


def test_a_slots_name_has_no_colon_and_is_read_back() -> None:
    """Always UTC."""
    assert slot_name(NINE) == "20260101T090000"
    assert parse_slot("20260101T090000") == NINE
