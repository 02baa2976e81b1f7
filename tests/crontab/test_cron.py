"""Schedules against brute force: every minute of two years is asked whether it matches, field by field (FAULTS 18)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.crontab.cron import InvalidSchedule, in_words, is_slot, slots_between

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
BEGIN, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)

#: An hour and half an hour of change, both hemispheres, and one zone where midnight itself is skipped.
ZONES = ("UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "America/Santiago")

#: Every pattern of the two documents, then what goes wrong elsewhere: Sundays, steps, both days, ends of months.
FIVE = (
    "* * * * *",
    "*/5 * * * *",
    "*/15 * * * *",
    "0 * * * *",
    "0 */2 * * *",
    "0 */4 * * *",
    "30 */6 * * *",
    "*/30 * * * *",
    "0 0 * * *",
    "0 1 * * *",
    "0 2 * * *",
    "0 9 * * *",
    "30 3 * * *",
    "30 2 * * *",
    "15 1,2,3 * * *",
    "0 0 * * 0",
    "0 3 * * 0",
    "0 8 * * 1-5",
    "0 8 * * 1",
    "0 18 * * 1-5",
    "0 0 1 * *",
    "0 8 1 * *",
    "0 6 1 * *",
    "59 23 31 12 *",
    "0 12 29 2 *",
    "0 0 13 * 5",
    "0 0 1,15 * 1",
    "0 4 */2 * *",
    "0 4 * * */2",
    "0 4 1-7 * *",
    "5-20/5 2 * * 6,7",
    "*/7 2 * 3,10 *",
    "0,30 1-3 * 3-4 sun",
    "10 2 25-31 3,4,10,11 *",
)
SIX = (
    "*/30 * * * * *",
    "0 */5 * * * *",
    "0 0 9 * * *",
    "15,45 30 2 * * *",
    "0 0 0 * * 0",
    "59 59 23 * * 1-5",
)

Match = set[int]
Minute = tuple[datetime, datetime]  # in UTC, and on the wall


def field(text: str, low: int, high: int) -> Match:
    """The numbers of one field, by the plain rules of cron."""
    found: Match = set()
    for part in text.lower().replace("sun", "0").split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        end = last or (str(high) if step else first)
        found |= set(range(int(first), int(end) + 1, int(step or 1)))
    return found


class Oracle:
    """What the schedule's words say, asked of one minute of the clock on the wall at a time."""

    def __init__(self, schedule: str) -> None:
        texts = schedule.split()
        self.seconds = sorted(field(texts.pop(0), 0, 59)) if len(texts) == 6 else [0]
        minute, hour, day, month, weekday = texts
        self.minutes, self.hours, self.months = field(minute, 0, 59), field(hour, 0, 23), field(month, 1, 12)
        self.days = field(day, 1, 31)
        self.weekdays = {number % 7 for number in field(weekday, 0, 6)}
        self.either_day = not (day.startswith("*") or weekday.startswith("*"))
        self.follows_the_wall = minute.startswith("*") or hour.startswith("*")

    def matches(self, wall: datetime) -> bool:
        """Whether a clock on the wall that shows this is meant."""
        if wall.minute not in self.minutes or wall.hour not in self.hours or wall.month not in self.months:
            return False
        by_day, by_weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday if self.either_day else by_day and by_weekday

    def slots(self, walls: Sequence[Minute]) -> list[datetime]:
        """Its moments within these minutes, in UTC.

        A fixed time is due when the clock on the wall first reaches or passes it.
        """
        found, reached = [], walls[0][1] - MINUTE
        for at, wall in walls:
            if self.follows_the_wall or wall - reached == MINUTE:
                due = self.matches(wall)
            else:
                due = any(self.matches(reached + MINUTE * n) for n in range(1, (wall - reached) // MINUTE + 1))
            reached = max(reached, wall)
            if due:
                found += [at + second * SECOND for second in self.seconds]
        return found


def walls(zone: str, begin: datetime, days: int) -> list[Minute]:
    """Every minute of these days, and what the clock on the wall shows."""
    there = ZoneInfo(zone)
    minutes = (begin + number * MINUTE for number in range(days * 1440))
    return [(at, at.astimezone(there).replace(tzinfo=None)) for at in minutes]


def changes(zone: str) -> list[datetime]:
    """The days of those two years on which the zone's clocks change."""
    days = [BEGIN + timedelta(days=number) for number in range((END - BEGIN).days)]
    offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() for day in days]
    return [days[number] for number, (one, next_one) in enumerate(pairwise(offsets)) if one != next_one]


def found(schedule: str, zone: str, minutes: Sequence[Minute]) -> list[datetime]:
    """What the application says of the same time."""
    return list(slots_between(schedule, zone, minutes[0][0] - SECOND, minutes[-1][0] + 59 * SECOND))


@pytest.mark.parametrize("zone", ZONES)
def test_schedules_are_what_brute_force_finds_on_and_around_days_that_clocks_change(zone: str) -> None:
    """The oracle, sampled: both changes of each year, the ends of months, leap day's place, and days by chance."""
    chance = random.Random(zone)
    some = BEGIN + timedelta(days=chance.randrange(725))
    samples = [walls(zone, begin, 2) for begin in [*changes(zone), datetime(2025, 12, 30, tzinfo=UTC), some]]

    wrong = [
        (schedule, sample[0][0])
        for schedule in (*FIVE, *SIX)
        for sample in samples
        if found(schedule, zone, sample) != Oracle(schedule).slots(sample)
    ]

    assert wrong == []
    assert zone == "UTC" or len(changes(zone)) == 4


@pytest.mark.long
@pytest.mark.parametrize("zone", ZONES)
def test_two_years_of_forty_schedules_are_what_brute_force_finds(zone: str) -> None:
    """FAULTS 18, whole: 40 schedules, two years by the minute."""
    minutes = walls(zone, BEGIN, (END - BEGIN).days)

    wrong = [
        schedule for schedule in (*FIVE, *SIX) if found(schedule, zone, minutes) != Oracle(schedule).slots(minutes)
    ]

    assert wrong == []
    assert len((*FIVE, *SIX)) == 40


@pytest.mark.parametrize("zone", ZONES)
def test_wherever_a_search_begins_it_finds_the_same_slots(zone: str) -> None:
    """Also inside a repeated hour and right after a skipped one, to the second."""
    for begin in changes(zone)[:2] or [BEGIN]:
        end = begin + timedelta(days=2)
        for schedule in ("*/20 * * * *", "0 */2 * * *", "15 1,2,3 * * *", "15,45 30 2 * * *", "*/7 2 * * *"):
            slots = list(slots_between(schedule, zone, begin, end))
            for at in (begin + timedelta(minutes=17 * number, seconds=3) for number in range(120)):
                assert list(slots_between(schedule, zone, at, end)) == [slot for slot in slots if slot > at]
            assert all(is_slot(schedule, zone, slot) for slot in slots)
            assert not is_slot(schedule, zone, slots[-1] + SECOND)


def test_a_skipped_time_is_due_after_the_gap_and_a_repeated_one_once() -> None:
    """C17, in Madrid: 02:30 does not come on 2025-03-30, and comes twice on 2025-10-26; with seconds as without."""
    spring, autumn = datetime(2025, 3, 30, tzinfo=UTC), datetime(2025, 10, 26, tzinfo=UTC)
    day = timedelta(days=1)

    for schedule in ("30 2 * * *", "0 30 2 * * *"):
        assert list(slots_between(schedule, "Europe/Madrid", spring, spring + day)) == [spring.replace(hour=1)]
        assert list(slots_between(schedule, "Europe/Madrid", autumn, autumn + day)) == [autumn.replace(minute=30)]


def test_no_sunday_is_lost() -> None:
    """104 of 104, however Sunday is written."""
    for weekday in ("0", "7", "sun", "0-0", "6-7/1", "5-7"):
        slots = slots_between(f"0 8 * * {weekday}", "UTC", BEGIN, END)
        assert sum(slot.isoweekday() == 7 for slot in slots) == 104, weekday


@pytest.mark.parametrize(
    ("schedule", "named"),
    [
        ("60 * * * *", "minute"),
        ("0 25 * * *", "hour"),
        ("0 22-2 * * *", "hour"),
        ("0 0 32 * *", "day-of-month"),
        ("0 0 31 2 *", "day-of-month"),
        ("0 0 * 13 *", "month"),
        ("0 0 * * 8", "day-of-week"),
        ("60 * * * * *", "second"),
        ("*/0 * * * *", "minute"),
        ("-1 * * * *", "minute"),
        ("1,,2 * * * *", "minute"),
        ("", "fields"),
        ("* * * *", "fields"),
        ("* * * * * * *", "fields"),
        ("0 9 * * * UTC", "day-of-week"),
    ],
)
def test_a_bad_schedule_is_refused_naming_the_field(schedule: str, named: str) -> None:
    """Nonsense that a clock would misread is refused before it is stored."""
    with pytest.raises(InvalidSchedule, match=named):
        next(slots_between(schedule, "UTC", BEGIN, END), None)


def test_schedules_are_said_in_words() -> None:
    """The clock prints them when it starts."""
    assert in_words("0 8 * * 1-5") == "At 08:00 on Monday through Friday"
    assert in_words("*/30 * * * * *") == "Every 30th second of every minute"
