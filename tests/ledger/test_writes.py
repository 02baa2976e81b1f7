"""What a job's changes write on PostgreSQL, where each index of a row is written again with each change it sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Row, func, literal, select, text

from app.broker.recorder import End, Start
from app.clock import utc_now
from app.ledger.ends import settle
from app.ledger.recorder import Ledger
from app.ledger.rows import job_status
from tests.ledger.rows import claim, end, new_job

JOBS = 1_000
#: Of an index that nothing was ever written to.
EMPTY = 8_192

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def ended(ledger: Ledger) -> Sequence[End]:
    """Jobs of no user, from their promise to their end; Redis has not confirmed it yet."""
    jobs = [new_job(str(number), data={}) for number in range(JOBS)]
    ledger.before_add(jobs)
    ledger.added(jobs)
    claims = [claim(job) for job in jobs]
    starts = [verdict for verdict in ledger.claimed(claims) if isinstance(verdict, Start)]
    ends = [end(claimed, start) for claimed, start in zip(claims, starts, strict=True)]
    ledger.before_settle(ends)
    return ends


def updates(connection: Connection) -> Row[Any, Any]:
    """Of the table's rows, by this connection so far: all of them, and those that wrote no index."""
    table = func.to_regclass(literal(job_status.name))
    return connection.execute(
        select(
            func.pg_stat_get_xact_tuples_updated(table).label("all"),
            func.pg_stat_get_xact_tuples_hot_updated(table).label("without_index"),
        )
    ).one()


def test_the_last_change_of_a_row_writes_no_index(ledger: Ledger, database: Engine) -> None:
    """The page has room for it, and no index has its column."""
    ends = ended(ledger)

    with database.begin() as connection:
        before = updates(connection)
        settle(connection, ends, utc_now())
        after = updates(connection)

    assert after.all - before.all == JOBS
    assert after.without_index - before.without_index > JOBS * 0.7


def test_a_job_pays_only_for_the_indexes_of_what_it_is(ledger: Ledger, database: Engine) -> None:
    """No user, no promise's key, no parent, no failure: none of their indexes."""
    ended(ledger)

    with database.connect() as connection:
        sizes = text("SELECT indexrelname, pg_relation_size(indexrelid) FROM pg_stat_user_indexes WHERE relname = :of")
        written = {name for name, size in connection.execute(sizes, {"of": job_status.name}) if size > EMPTY}

    assert written == {
        "pk_job_status",
        "uq_job_status_job_id_queue_added_ms",
        "ix_job_status_status_ended_at_id",
        "ix_job_status_unconfirmed",
    }
