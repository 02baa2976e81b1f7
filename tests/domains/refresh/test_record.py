"""What two jobs leave when they end one account at the same moment, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from app import db
from app.domains.cache.store import Entry
from app.domains.refresh import record
from app.domains.refresh.parts import Part
from tests.domains.refresh.conftest import NINE, Jobs
from tests.domains.refresh.left import account, datasets, kept
from tests.servers import wait_for


@pytest.mark.parametrize("later", [timedelta(hours=1), timedelta(0)], ids=["asked later", "run later"])
def test_of_two_jobs_at_once_the_older_waits_and_then_changes_nothing(
    jobs_on_both: Jobs, database: Engine, later: timedelta
) -> None:
    """What is kept of the sections is read and written by one job at a time; newer is as in the cache (RULES R8)."""
    part = Part(account("JP"), "daily")
    newer, older = Entry(NINE + later, 2, {"orders": {}}), Entry(NINE, 1, {"orders": {"orders": 7}})

    def end_older() -> Entry | None:
        with db.session() as session:
            return record.fresh(session, part, older, {}, NINE)

    with ThreadPoolExecutor() as threads:
        with db.session() as session:
            record.fresh(session, part, newer, {}, NINE)
            session.flush()
            ended = threads.submit(end_older)
            if database.dialect.name == "postgresql":
                wait_for(lambda: is_anyone_waiting(database), "the older job at the lock")
        lost = ended.result()

    assert lost is None
    assert (kept("JP").run, kept("JP").result["orders"]) == (2, {"as_of": newer.as_of.isoformat()})
    assert {update.good_at for update in datasets("JP").values()} == {newer.as_of}
    assert account("JP").last_daily_update == newer.as_of


def is_anyone_waiting(database: Engine) -> bool:
    """Whether a transaction waits for another one's lock; SQLite lets no second writer begin at all."""
    with database.connect() as connection:
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return bool(connection.execute(waiting).scalar_one())
