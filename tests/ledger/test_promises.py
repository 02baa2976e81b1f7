"""Promises are rows before they are jobs, and each is made once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app import db
from app.broker.recorder import NewJob
from app.clock import from_ms
from app.ledger.recorder import Ledger
from app.ledger.repairs import claim_repairs, unconfirmed
from app.models.job_status import Status
from tests.ledger.rows import NINE_MS, all_rows, claim, end, new_job, only_row, promised, started

NINE = from_ms(NINE_MS)


def test_a_promise_is_a_row_before_it_is_a_job(ledger: Ledger) -> None:
    """The row says everything that is needed to add the job again."""
    job = new_job(promise_key="daily-7-20260101T09", priority=2, opts={"attempts": 4, "priority": 2})

    to_add = ledger.before_add([job])

    row = only_row()
    assert to_add == [job]
    assert (row.queue, row.job_id, row.added_ms) == ("user-updates", "1", NINE_MS)
    assert (row.status, row.run, row.user_id, row.attempts) == (Status.WAITING, 0, "7", 4)
    assert (row.queued_at, row.confirmed_at) == (NINE, None)


def test_a_delayed_promise_says_when_it_is_due(ledger: Ledger) -> None:
    """A delay is kept as such and as the moment it ends."""
    ledger.before_add([new_job(delay_ms=5_000)])

    row = only_row()
    assert (row.status, row.due_at, row.delay_ms) == (Status.DELAYED, NINE + timedelta(seconds=5), 5_000)


def test_a_promise_made_twice_is_one_row_and_one_add(ledger: Ledger) -> None:
    """A second producer, later and under another id, finds the promise made."""
    ledger.before_add([new_job("a", promise_key="daily-7-20260101T09")])
    ledger.added([new_job("a")])

    again = ledger.before_add([new_job("b", promise_key="daily-7-20260101T09", added_ms=NINE_MS + 60_000)])

    assert again == []
    assert len(all_rows()) == 1


def test_a_promise_that_was_never_confirmed_is_added_again_as_it_was(ledger: Ledger) -> None:
    """The same id and time, so that Redis, if it has the job, adds nothing."""
    first = new_job("a", promise_key="daily-7-20260101T09")
    ledger.before_add([first])

    again = ledger.before_add([new_job("b", promise_key="daily-7-20260101T09", added_ms=NINE_MS + 60_000)])

    assert again == [first]


def test_the_same_add_after_a_lost_commit_reply_is_given_back(ledger: Ledger) -> None:
    """A caller that repeats before_add with the very same jobs may add them."""
    jobs = [new_job("1"), new_job("2")]
    ledger.before_add(jobs)

    again = ledger.before_add(jobs)

    assert sorted(job.id for job in again) == ["1", "2"]
    assert len(all_rows()) == 2


def test_an_old_ended_row_does_not_swallow_a_new_job_of_the_same_id(ledger: Ledger) -> None:
    """Node's counter starts again at 1 when Redis was emptied (R1)."""
    old = promised(ledger, new_job("1"))
    ledger.before_settle([end(old, started(ledger, old))])
    new = new_job("1", added_ms=NINE_MS + 1)

    assert ledger.before_add([new]) == [new]


def test_eight_producers_with_the_same_promises_make_each_once(ledger: Ledger) -> None:
    """Whatever the order in which each of them makes its promises."""
    keys = [f"daily-{user}-20260101T09" for user in range(100)]

    def produce(producer: int) -> list[str]:
        jobs = [
            new_job(key, promise_key=key, added_ms=NINE_MS + producer) for key in keys[:: 1 if producer % 2 else -1]
        ]
        to_add = Ledger().before_add(jobs)
        ledger.added(to_add)
        return [f"{job.id}@{job.added_ms}" for job in to_add]

    with ThreadPoolExecutor(8) as threads:
        adds = Counter(add for added in threads.map(produce, range(8)) for add in added)

    rows = all_rows()
    assert len(rows) == 100
    # Whoever adds one again before it is confirmed, adds it under its first time: a single job in Redis.
    assert set(adds) == {f"{row.job_id}@{row.added_ms}" for row in rows}
    assert all(row.confirmed_at for row in rows)


def test_two_reconcilers_repair_a_promise_once(ledger: Ledger) -> None:
    """Both have seen it unconfirmed; the repair is one's (R12)."""
    ledger.before_add([new_job("1"), new_job("2")])
    ledger.added([new_job("2")])
    with db.engine().begin() as connection:
        seen = unconfirmed(connection, before=NINE + timedelta(seconds=15), limit=10)

    with db.engine().begin() as connection:
        first, second = claim_repairs(connection, seen), claim_repairs(connection, seen)

    assert [job.id for job in first] == ["1"]
    assert first == [new_job("1")]
    assert second == []


def test_a_young_promise_is_nobodys_to_repair(ledger: Ledger) -> None:
    """Its producer is probably about to add it."""
    ledger.before_add([new_job("1")])

    with db.engine().begin() as connection:
        assert unconfirmed(connection, before=NINE, limit=10) == []


def test_a_claim_confirms_the_add(ledger: Ledger) -> None:
    """A worker has it, so Redis has: nobody adds it again."""
    job = new_job("1")
    ledger.before_add([job])

    started(ledger, claim(job))

    assert only_row().confirmed_at is not None


def test_a_removed_promise_is_not_repaired(ledger: Ledger) -> None:
    """What was removed on purpose stays removed."""
    ledger.before_add([new_job("1")])

    ledger.before_remove("user-updates", ["1"])

    with db.engine().begin() as connection:
        assert unconfirmed(connection, before=NINE + timedelta(days=1), limit=10) == []
    assert only_row().status == Status.REMOVED


def test_an_id_too_long_for_the_index_is_refused_with_its_length(ledger: Ledger) -> None:
    """Before anything is written."""
    with pytest.raises(ValueError, match="256 characters"):
        ledger.before_add([new_job("x" * 256)])

    assert all_rows() == []


def test_a_thousand_promises_are_written_and_confirmed_in_two_calls(ledger: Ledger) -> None:
    """One statement each, whatever the number."""
    jobs: list[NewJob] = [new_job(str(number), promise_key=f"k-{number}") for number in range(1_000)]

    ledger.added(ledger.before_add(jobs))

    assert sum(row.confirmed_at is not None for row in all_rows()) == 1_000


def test_an_unrecorded_job_is_added_without_a_row(database: Engine) -> None:
    """A beat is nobody's promise."""
    ledger = Ledger(unrecorded={"beat"})
    beat = new_job("beat-202601010900", name="beat", queue="cron")

    to_add = ledger.before_add([beat])

    ledger.added(to_add)
    assert to_add == [beat]
    assert all_rows() == []
