"""The repository of sessions (S4-6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app import db
from app.crontab.sessions import (
    count_failures,
    create_session,
    end_session,
    get_running,
    get_sessions,
    get_sessions_by_job,
    record_skipped,
)
from app.crontab.slots import Skipped
from tests.crontab.conftest import NINE

MINUTE = timedelta(minutes=1)


@pytest.fixture
def history(database: Engine) -> None:
    """Sixty sessions of one job, every third failed, then sixty of another, the last of which runs."""
    with db.session() as session:
        for number in range(120):
            entry, at = ("a", "b")[number // 60], NINE + number * MINUTE
            session_id = create_session(session, entry, at, at, job_id=f"{number}", manual=number == 7)
            assert session_id is not None
            if number < 119:
                error = "away" if number % 3 == 0 and entry == "a" else None
                end_session(session, session_id, at + MINUTE / 2, error=error, will_retry=number == 0)


@pytest.mark.usefixtures("history")
def test_the_newest_hundred_and_the_newest_fifty_of_a_job() -> None:
    """The newest first, those by hand among them; and those that run."""
    with db.reading() as session:
        everything, of_a, running = get_sessions(session), get_sessions_by_job(session, "a"), get_running(session)

    assert [one.job_id for one in everything] == [str(number) for number in range(119, 19, -1)]
    assert [one.job_id for one in of_a] == [str(number) for number in range(59, 9, -1)]
    assert [(one.job_id, one.entry_id) for one in running] == [("119", "b")]


@pytest.mark.usefixtures("history")
def test_a_duration_is_counted_from_the_sessions_own_start() -> None:
    """C24: whoever ends it gives only the end."""
    with db.reading() as session:
        assert {one.duration_ms for one in get_sessions(session) if one.end_time} == {30_000}


@pytest.mark.usefixtures("history")
def test_failures_are_those_for_good_since_then() -> None:
    """A run that is tried again has not failed yet."""
    with db.reading() as session:
        assert count_failures(session, NINE) == 19
        assert count_failures(session, NINE + 50 * MINUTE) == 3


def test_a_session_by_hand_is_named_so_and_one_at_a_time_runs(database: Engine) -> None:
    """S4-12; a second one is refused by the database."""
    with db.session() as session:
        first = create_session(session, "a", NINE, NINE, job_id="1", manual=True)
        second = create_session(session, "a", NINE, NINE, job_id="2")
        other = create_session(session, "b", NINE, NINE, job_id="3")
        names = [one.job_name for one in get_running(session)]

    assert (second, sorted(names)) == (None, ["a (manual)", "b"])
    assert first != other


def test_what_is_skipped_is_a_row_of_its_own(database: Engine) -> None:
    """No failure, and no silence."""
    with db.session() as session:
        record_skipped(session, "a", Skipped(3, NINE, NINE + 2 * MINUTE), NINE + 9 * MINUTE, "missed")

    with db.reading() as session:
        [told] = get_sessions(session)
        assert (told.status, told.slot, told.error) == ("SKIPPED", NINE, "missed")
        assert told.details == {"skipped": 3, "until": (NINE + 2 * MINUTE).isoformat()}
        assert count_failures(session, NINE) == 0
