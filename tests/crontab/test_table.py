"""The crontab in words, and the page that is generated from the code."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import db
from app.broker.queue import Queue
from app.crontab.code import jobs
from app.crontab.table import lines, markdown, next_runs
from tests.crontab.conftest import NINE, WriteJob, sync

ROOT = Path(__file__).parents[2]
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_page_is_what_the_code_says() -> None:
    """If not: `toril crontab --markdown --since 2026-01-01 > docs/crontab.md`."""
    jobs.cache_clear()

    assert (ROOT / "docs/crontab.md").read_text() == markdown(YEAR)


def test_every_entry_of_the_code_names_a_test_that_exists() -> None:
    """Its body does real work, and a known answer proves it."""
    jobs.cache_clear()

    for job in jobs().values():
        file, _, test = job.proof.partition("::")
        assert (ROOT / file).is_file(), f"{job.name}: no file {file!r}"
        assert re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.MULTILINE), f"{job.name}: no test {test!r}"
        assert "–" not in (job.reads, job.writes), f"{job.name} does not say what it reads and writes"


def test_the_table_is_said_with_what_operators_made_of_it(write_job: WriteJob, queue: Queue) -> None:
    """In words, with its next runs, and why an entry does not run."""
    write_job("hourly")
    write_job("madrid", schedule="0 9 * * 1-5", timezone="Europe/Madrid")
    write_job("elsewhere", environments=["production"])
    write_job("stopped", enabled=False)
    sync(NINE)

    with db.reading() as session:
        said = {line.id: str(line) for line in lines(session, NINE)}

    assert said["hourly"] == "hourly: At the start of every hour, UTC (0 * * * *), next 2026-01-01 10:00:00 UTC"
    assert said["madrid"].endswith("Europe/Madrid (0 9 * * 1-5), next 2026-01-02 08:00:00 UTC")
    assert said["elsewhere"].endswith(", not in this environment")
    assert said["stopped"].endswith(", stopped")


def test_the_next_runs_are_the_next() -> None:
    """A leap day is years away, and found."""
    hours = next_runs("0 * * * *", "UTC", NINE, 2)

    assert hours == [NINE + timedelta(hours=1), NINE + timedelta(hours=2)]
    assert [run.year for run in next_runs("0 0 29 2 *", "UTC", NINE)] == [2028, 2032]
