"""An add is confirmed a moment later, with others, and nothing comes of the moment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from app import db
from app.clock import from_ms
from app.ledger.recorder import Ledger
from app.ledger.repairs import unconfirmed
from tests.ledger.rows import NINE_MS, all_rows, claim, end, new_job, only_row, started
from tests.servers import wait_for

LATE_S = 3_600


@pytest.fixture
def late(database: Engine) -> Iterator[Ledger]:
    """A ledger that confirms single adds when it is told to, and not by itself while a test runs."""
    ledger = Ledger(confirm_within_s=LATE_S)
    yield ledger
    ledger.confirmations.flush()


def test_an_add_costs_one_commit(late: Ledger, database: Engine) -> None:
    """Its confirmation shares one with those of others."""
    commits: list[object] = []
    event.listen(database, "commit", commits.append)

    for number in range(10):
        late.added(late.before_add([new_job(str(number))]))
    adding = len(commits)
    late.confirmations.flush()

    assert (adding, len(commits)) == (10, 11)
    assert all(row.confirmed_at for row in all_rows())


def test_a_single_add_is_confirmed_in_time(database: Engine) -> None:
    """Nobody has to ask for it."""
    ledger = Ledger(confirm_within_s=0.01)

    ledger.added(ledger.before_add([new_job()]))

    wait_for(lambda: only_row().confirmed_at, "the confirmation")


def test_many_adds_at_once_are_confirmed_at_once(late: Ledger) -> None:
    """They are worth a commit of their own."""
    late.added(late.before_add([new_job(str(number)) for number in range(100)]))

    assert all(row.confirmed_at for row in all_rows())


def test_a_job_that_ends_before_its_confirmation_is_not_added_again(late: Ledger) -> None:
    """Redis may have trimmed it already; its row has ended (R1)."""
    job = new_job()
    late.added(late.before_add([job]))
    late.before_settle([end(claim(job), started(late, claim(job)))])

    with db.engine().begin() as connection:
        to_repair = unconfirmed(connection, before=from_ms(NINE_MS) + timedelta(hours=1), limit=10)

    assert to_repair == []
    assert late.before_add([job]) == []


def test_what_waits_is_confirmed_when_the_process_ends(sqlite_database: Engine) -> None:
    """A script that enqueues and ends leaves nothing to the reconciler."""
    script = (
        "from app.ledger.recorder import Ledger\n"
        "from tests.ledger.rows import new_job\n"
        f"ledger = Ledger(confirm_within_s={LATE_S})\n"
        "ledger.added(ledger.before_add([new_job()]))\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True)

    assert only_row().confirmed_at is not None
