"""Ended jobs become figures: each once, whenever it was committed and whoever counts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from app import db
from app.jobs.labels import RUNS_ENTRIES, label
from app.ledger import cursors
from app.ledger.figures.counting import SOURCE, count
from app.ledger.figures.keeping import EVER, forget
from app.ledger.figures.reading import Figures, job_series
from app.ledger.rows import job_status
from app.models.job_figure import JobFigure
from app.models.job_status import Status
from tests.ledger.figures.ended import MINUTE, NINE, SECOND, row, write, write_first_run

pytestmark = pytest.mark.usefixtures("database")


def take_in(now: datetime) -> bool:
    """One look."""
    with db.session() as session:
        return count(session, now, label, RUNS_ENTRIES)


def catch_up(now: datetime) -> None:
    """As many looks as it takes."""
    while take_in(now):
        pass


def total(now: datetime, job: str = "process_user_data") -> Figures:
    """Of the last hour."""
    with db.reading() as session:
        (found,) = job_series(session, "1h", now, job=job)
        return found.total


def ended_for_ever() -> int:
    """Of all jobs, by the figures that only grow."""
    with db.reading() as session:
        ever = select(JobFigure).where(JobFigure.width_s == EVER)
        return sum(one.completed + one.partial + one.failed + one.cancelled for one in session.scalars(ever))


@pytest.fixture
def two_hundred(database: Engine) -> None:
    """Waits of 10 to 2,000 ms, runs of 100 to 20,000 ms, every tenth failed, within ten minutes."""
    write(
        *(
            row(
                NINE + number * 3 * SECOND,
                Status.FAILED if number % 10 == 0 else Status.COMPLETED,
                wait_ms=number * 10,
                run_ms=number * 100,
            )
            for number in range(1, 201)
        )
    )


def test_counts_are_exact_and_percentiles_within_their_bucket(two_hundred: None) -> None:
    """By hand: of 200 waits p50 is 1,000 ms and p95 1,900 ms; of the runs ten times that."""
    now = NINE + 20 * MINUTE

    catch_up(now)

    found = total(now)
    assert (found.completed, found.failed, found.ended, found.failure_rate) == (180, 20, 200, 0.1)
    assert found.wait_p50_ms == pytest.approx(1_000, rel=0.2)
    assert found.wait_p95_ms == pytest.approx(1_900, rel=0.2)
    assert found.run_p50_ms == pytest.approx(10_000, rel=0.2)
    assert found.run_p95_ms == pytest.approx(19_000, rel=0.2)


def test_looks_again_and_again_count_each_job_once(two_hundred: None) -> None:
    """Also after each minute has been counted a second time; as many as SQL counts."""
    for look in range(40 * 6):
        take_in(NINE + look * 57 * SECOND)

    with db.reading() as session:
        rows = session.scalar(select(func.count()).select_from(job_status))
    assert (total(NINE + 38 * MINUTE).ended, ended_for_ever()) == (200, rows)


def test_an_end_that_was_committed_late_is_counted(two_hundred: None) -> None:
    """The database was away from its worker; its minute had been counted long since, and nothing is counted twice."""
    catch_up(NINE + 14 * MINUTE)
    write(row(NINE + 5 * MINUTE, Status.FAILED, wait_ms=50, run_ms=70, crashes=2))

    for minute in range(15, 40):
        catch_up(NINE + minute * MINUTE)

    found = total(NINE + 40 * MINUTE)
    assert (found.completed, found.failed, found.crashes, ended_for_ever()) == (180, 21, 2, 201)


def test_a_job_that_is_retried_by_hand_takes_nothing_back(two_hundred: None) -> None:
    """It had ended, and was counted; what only grows never falls."""
    catch_up(NINE + 14 * MINUTE)
    with db.engine().begin() as connection:
        failed = job_status.update().where(job_status.c.status == Status.FAILED)
        connection.execute(failed.values(status=Status.WAITING, ended_at=None))

    catch_up(NINE + 40 * MINUTE)

    assert ended_for_ever() == 200


def test_of_two_who_count_at_once_one_does(database: Engine) -> None:
    """The cursor moves by compare-and-set."""
    write(row(NINE))
    now = NINE + MINUTE
    with db.reading() as session:
        seen = cursors.position(session, SOURCE)
    catch_up(now)

    with db.session() as session:
        moved = cursors.move(session, SOURCE, seen, now.isoformat(), now)

    assert (moved, ended_for_ever()) == (False, 1)


def test_a_wait_is_that_of_the_first_run_and_begins_when_the_job_is_due() -> None:
    """An hour's delay is no wait, nor are the runs and waits between the first run and the last."""
    delayed = row(NINE, wait_ms=500, run_ms=1_000, delay_ms=3_600_000)
    retried = row(NINE, wait_ms=90_000, run_ms=1_000, name="no_op", run=3)
    write(delayed, retried)
    write_first_run(retried["job_id"], retried["queued_at"] + timedelta(milliseconds=2_000))

    catch_up(NINE + MINUTE)

    assert total(NINE + MINUTE).wait_p50_ms == pytest.approx(500, rel=0.3)
    assert total(NINE + MINUTE, "no_op").wait_p50_ms == pytest.approx(2_000, rel=0.3)


def test_a_job_whose_first_run_died_tells_no_wait() -> None:
    """Its last run began much later than its first."""
    write(row(NINE, wait_ms=90_000, run_ms=1_000, run=2))

    catch_up(NINE + MINUTE)

    assert (total(NINE + MINUTE).wait_p95_ms, total(NINE + MINUTE).ended) == (None, 1)


def test_figures_that_are_anybodys_break_nothing() -> None:
    """Foreign producers' delays and clocks."""
    write(row(NINE, delay_ms=0, duration_ms=2**62), row(NINE, queued_at=NINE + 90 * MINUTE, duration_ms=None))

    catch_up(NINE + MINUTE)

    assert total(NINE + MINUTE).ended == 2


def test_runs_of_the_crontab_are_counted_by_entry_and_free_names_by_their_job() -> None:
    """CONTRACTS S4-10: ``job_name`` is the entry's; names that anybody may give make no series of their own."""
    write(
        row(NINE, queue="cron-jobs", name="run_entry", data={"entry": "syncWebUrls", "slot": "20260101T090000"}),
        row(NINE, queue="cron-jobs", name="run_entry", data={"entry": "syncWebUrls", "slot": "20260101T093000"}),
        row(NINE, queue="user-updates", name="whatever-1"),
        row(NINE, queue="user-updates", name="whatever-2"),
    )

    catch_up(NINE + MINUTE)

    with db.reading() as session:
        found = {(one.queue, one.job): one.total.ended for one in job_series(session, "1h", NINE + MINUTE)}
    assert found == {("cron-jobs", "syncWebUrls"): 2, ("user-updates", "other"): 2}


def test_old_figures_go_by_their_resolution_and_those_for_ever_stay(two_hundred: None) -> None:
    """Minutes after a day, quarters after 8, hours after 90."""
    catch_up(NINE + 20 * MINUTE)
    left = []
    for days in (0, 2, 9, 91):
        with db.session() as session:
            forget(session, NINE + timedelta(days=days))
        with db.reading() as session:
            left.append(sorted(set(session.scalars(select(JobFigure.width_s)))))

    assert left == [[0, 60, 900, 3_600], [0, 900, 3_600], [0, 3_600], [0]]
