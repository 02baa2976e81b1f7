"""Each rule finds what it is for, and nothing that is as it should be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from app import db
from app.alerts import rules
from app.alerts.rule import Finding
from app.broker.backlog import Backlog
from app.crontab import entries
from app.jobs.labels import RUNS_ENTRIES, label
from app.ledger.figures.counting import count
from app.ledger.figures.sampling import sample
from app.ledger.recorder import Ledger
from app.ledger.repairs import claim_repairs, unconfirmed
from app.ledger.tallies import ADDED_AGAIN, tally
from app.models.job_status import Status
from app.models.schedule import UserUpdateSchedule
from tests.domains.slots.people import add_users
from tests.ledger.figures.ended import MINUTE, NINE, SECOND, row, write
from tests.ledger.rows import new_job

pytestmark = pytest.mark.usefixtures("database")
HOUR = timedelta(hours=1)


def found(rule: Any, now: datetime) -> list[Finding]:
    """What one look finds."""
    with db.reading() as session:
        return list(rule(session, now))


def count_until(now: datetime) -> None:
    """The figures are up to date."""
    for _ in range(2_000):
        with db.session() as session:
            if not count(session, now, label, RUNS_ENTRIES):
                return


# --- freshness


def schedule(late: int, fresh: int) -> None:
    """So many users were last updated 26 hours before nine, and so many one hour."""
    with db.session() as session:
        ids = add_users(session, late + fresh)
        for number, user_id in enumerate(ids):
            updated = NINE - 26 * HOUR if number < late else NINE - HOUR
            times = {"last_daily_update": updated, "last_weekly_update": NINE - HOUR}
            session.add(UserUpdateSchedule(user_id=user_id, daily_update_hour=9, weekly_update_day=1, **times))


def test_freshness_burns_when_too_many_users_are_late() -> None:
    """Two of twenty: 10 %, and 5 % are tolerated; of the weekly nobody is."""
    schedule(late=2, fresh=18)

    (finding,) = found(rules.freshness_burns, NINE)

    assert (finding.subject, finding.value, finding.threshold) == ("daily", 10, 5)
    assert finding.text.startswith("2 of 20 users have late daily data (10.0 %, 5 % tolerated)")


@pytest.mark.parametrize(("late", "fresh"), [(1, 19), (0, 20), (0, 0)])
def test_freshness_does_not_burn_within_what_is_tolerated(late: int, fresh: int) -> None:
    """5 % is, and so is nobody."""
    if late + fresh:
        schedule(late, fresh)

    assert found(rules.freshness_burns, NINE) == []


# --- overdue


def test_an_entry_that_nobody_added_is_overdue() -> None:
    """Synced at nine, and nothing has ticked since."""
    with db.session() as session:
        entries.sync(session, NINE)

    late = {finding.subject for finding in found(rules.entry_is_overdue, NINE + 2 * HOUR)}

    assert "dailyUpdates" in late


def test_an_entry_that_is_on_time_is_not_overdue() -> None:
    """Four minutes late is not late yet."""
    with db.session() as session:
        entries.sync(session, NINE)

    assert found(rules.entry_is_overdue, NINE + 4 * MINUTE) == []


# --- latency


def test_a_queue_is_slow_when_its_oldest_job_waits_too_long() -> None:
    """Five minutes are tolerated."""
    with db.session() as session:
        sample(session, NINE, {"a": Backlog(7, 301_000), "b": Backlog(7, 300_000), "c": Backlog(0, 0)})

    (finding,) = found(rules.queue_is_slow, NINE + 10 * SECOND)

    assert (finding.subject, finding.value) == ("a", 301)
    assert finding.text.startswith("the oldest of 7 jobs in a has waited for 301 s")


def test_a_queue_that_was_slow_is_not_slow_now() -> None:
    """The next minute's look counts, and none that is old."""
    with db.session() as session:
        sample(session, NINE, {"a": Backlog(7, 900_000)})
    old = found(rules.queue_is_slow, NINE + 3 * MINUTE)
    with db.session() as session:
        sample(session, NINE + MINUTE, {"a": Backlog(0, 0)})

    assert (old, found(rules.queue_is_slow, NINE + MINUTE)) == ([], [])


# --- failures


def week(failed_of_ten: int) -> None:
    """Ten jobs an hour through a week until nine, so many of which failed."""
    write(
        *(
            row(NINE - hours * HOUR - MINUTE, Status.FAILED if number < failed_of_ten else Status.COMPLETED)
            for hours in range(1, 24)
            for number in range(10)
        )
    )


def lately(failed: int, completed: int) -> None:
    """Within the last ten minutes before nine."""
    write(
        *(row(NINE - 5 * MINUTE, Status.FAILED) for _ in range(failed)),
        *(row(NINE - 5 * MINUTE) for _ in range(completed)),
    )


def counted_from_a_day_before() -> None:
    """The figures begin with the first look."""
    with db.session() as session:
        count(session, NINE - 23 * HOUR, label, RUNS_ENTRIES)
    count_until(NINE + 10 * SECOND)


def test_a_job_that_fails_three_times_as_often_as_before_is_found() -> None:
    """10 % through the day before, 40 % of the last 30."""
    week(failed_of_ten=1)
    lately(failed=12, completed=18)
    counted_from_a_day_before()

    (finding,) = found(rules.jobs_fail_more_than_before, NINE + 10 * SECOND)

    assert (finding.subject, finding.value) == ("user-updates/process_user_data", 0.4)
    assert finding.threshold == pytest.approx(0.3)
    assert "12 of the last 30 process_user_data in user-updates failed (40%, usually 10.0%)" in finding.text


@pytest.mark.parametrize(
    ("before", "failed", "completed"),
    [(3, 12, 18), (1, 8, 22), (1, 19, 0), (0, 1, 29)],
    ids=["as often as ever", "somewhat more often", "too few to say", "one of many"],
)
def test_what_fails_about_as_often_as_before_is_not_found(before: int, failed: int, completed: int) -> None:
    """Below three times the baseline, below 20 jobs, below 5 %."""
    week(before)
    lately(failed, completed)
    counted_from_a_day_before()

    assert found(rules.jobs_fail_more_than_before, NINE + 10 * SECOND) == []


# --- poison


def test_a_job_that_killed_its_workers_is_found() -> None:
    """By its row: it failed, with crashes behind it."""
    write(row(NINE, Status.FAILED, crashes=2), row(NINE, Status.FAILED))

    (finding,) = found(rules.jobs_kill_their_workers, NINE + MINUTE)

    assert (finding.subject, finding.value) == ("user-updates/process_user_data", 1)


def test_a_job_that_survived_a_crash_or_failed_by_itself_is_not_found() -> None:
    """Nor one of over an hour ago."""
    write(row(NINE, crashes=1), row(NINE, Status.FAILED), row(NINE - 2 * HOUR, Status.FAILED, crashes=2))

    assert found(rules.jobs_kill_their_workers, NINE + MINUTE) == []


# --- the reconciler


def test_what_the_reconciler_adds_again_is_found(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A promise whose add never came; counted in the transaction that claims it."""
    ledger = Ledger(now=lambda: NINE)
    ledger.before_add([new_job("1"), new_job("2")])
    monkeypatch.setattr("app.ledger.repairs.utc_now", lambda: NINE)
    with database.begin() as connection:
        claim_repairs(connection, unconfirmed(connection, before=NINE + MINUTE, limit=10))

    (finding,) = found(rules.reconciler_has_mended, NINE + 10 * SECOND)

    assert (finding.subject, finding.value) == (ADDED_AGAIN, 2)


def test_what_it_mended_long_ago_is_not_found() -> None:
    """A quarter of an hour."""
    with db.session() as session:
        tally(session.connection(), ADDED_AGAIN, 5, NINE)

    assert found(rules.reconciler_has_mended, NINE + 16 * MINUTE) == []
