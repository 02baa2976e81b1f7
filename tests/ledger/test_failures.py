"""Failures grouped by error: written with the failure, counted as they are listed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from app import db
from app.broker.listing import InvalidCursor
from app.broker.recorder import EndKind
from app.clock import from_ms
from app.ledger import failures
from app.ledger.effect import effect
from app.ledger.error_groups import forgotten
from app.ledger.recorder import Ledger
from app.ledger.starts import reopen
from app.models.error_group import ErrorGroup
from app.models.job_status import JobStatus
from tests.ledger.rows import NINE_MS, all_rows, end, new_job, only_row, promised, running, started

LATER = (from_ms(NINE_MS), from_ms(NINE_MS) + timedelta(days=30))
TRACE = "Traceback (most recent call last):\nValueError: "


def fail(ledger: Ledger, job_id: str, error: str, *, user: str = "7", kind: EndKind = EndKind.FAILED) -> None:
    """One job that fails with this error, number by number later."""
    job = new_job(job_id, added_ms=NINE_MS + int(job_id) * 1_000, data={"user_id": user})
    claimed = promised(ledger, job)
    start = started(ledger, claimed)
    ledger.before_settle([end(claimed, start, kind, reason=error, stacktrace=f"{TRACE}{error}\n")])


def groups(text: str | None = None, limit: int = 50, cursor: str | None = None) -> list[ErrorGroup]:
    """A page of groups."""
    with Session(db.engine()) as session:
        return list(session.scalars(failures.groups(limit, cursor, text=text)))


def test_failures_of_one_error_are_one_group(ledger: Ledger) -> None:
    """With the first and the last time, the number, the newest error as a sample, and the users hit."""
    fail(ledger, "1", "no order 17", user="7")
    fail(ledger, "2", "HTTP 503")
    fail(ledger, "3", "no order 9", user="8")
    fail(ledger, "4", "no order 5", user="8")

    orders, answers = groups()

    assert (orders.error_class, orders.message, orders.sample, orders.seen) == (
        "ValueError",
        "no order #",
        "no order 5",
        3,
    )
    assert (orders.first_seen_at, orders.last_seen_at) == (from_ms(NINE_MS + 4_000), from_ms(NINE_MS + 7_000))
    assert (answers.message, answers.seen) == ("HTTP 503", 1)
    with Session(db.engine()) as session:
        assert failures.count_failed(session, orders.id) == failures.Count(3, capped=False)
        assert session.execute(failures.users_hit(orders.id, 10)).all() == [("8", 2), ("7", 1)]
        assert failures.count_users(session, orders.id) == 2


def test_a_failure_that_is_tried_again_is_in_no_group(ledger: Ledger) -> None:
    """CONTRACTS C15: failed is failed for good."""
    fail(ledger, "1", "no order 17", kind=EndKind.RETRYING)

    assert groups() == []
    assert only_row().error_group is None


def test_a_failure_whose_commit_was_not_heard_counts_once(ledger: Ledger) -> None:
    """The same end written twice."""
    claimed = promised(ledger, new_job("1"))
    start = started(ledger, claimed)
    failed = end(claimed, start, EndKind.FAILED, reason="no order 17")

    ledger.before_settle([failed])
    ledger.before_settle([failed])

    assert [group.seen for group in groups()] == [1]


def test_an_effect_that_fails_its_job_is_grouped_too(ledger: Ledger) -> None:
    """A refresh without a fresh account ends so."""
    claimed = promised(ledger, new_job("1"))
    with effect(running(claimed, started(ledger, claimed))) as ending:
        ending.status, ending.error = "failed", "EU/DE: HTTP 503"

    assert [(group.message, group.seen) for group in groups()] == [("EU/DE: HTTP 503", 1)]


def test_a_job_that_runs_again_has_left_its_group(ledger: Ledger) -> None:
    """The group remembers how many it saw; the count is of those that are failed now."""
    fail(ledger, "1", "no order 17")
    (group,) = groups()

    with db.engine().begin() as connection:
        reopen(connection, "user-updates", ["1"])

    with Session(db.engine()) as session:
        assert failures.count_failed(session, group.id).number == 0
    assert groups()[0].seen == 1


def test_a_count_is_the_length_of_its_list_up_to_its_cap(ledger: Ledger) -> None:
    """Page by page, the latest first, none twice."""
    for number in range(1, 8):
        fail(ledger, str(number), f"no order {number}")
    (group,) = groups()
    listed: list[str] = []
    cursor = None

    with Session(db.engine()) as session:
        while True:
            page = session.scalars(failures.failed_jobs(group.id, 3, cursor)).all()
            listed += [row.job_id for row in page]
            cursor = failures.cursor_of_job(page, 3)
            if cursor is None:
                break
        counted = failures.count_failed(session, group.id)
        capped = failures.count_failed(session, group.id, most=5)

    assert listed == ["7", "6", "5", "4", "3", "2", "1"]
    assert (counted.number, counted.capped) == (7, False)
    assert (capped.number, capped.capped) == (5, True)


def test_groups_come_page_by_page_and_by_their_text(ledger: Ledger) -> None:
    """Whatever case the text has, and a wildcard is a character."""
    for number, error in enumerate(("no order", "100% full", "HTTP 503"), start=1):
        fail(ledger, str(number), error)

    first = groups(limit=2)
    second = groups(limit=2, cursor=failures.cursor_of_group(first, 2))

    assert [group.message for group in (*first, *second)] == ["HTTP 503", "# full", "no order"]
    assert [[group.sample for group in groups(text)] for text in ("NO ORD", "100%", "%", "valueerror: x")] == [
        ["no order"],
        ["100% full"],
        ["100% full"],
        [],
    ]
    with pytest.raises(InvalidCursor):
        groups(cursor="nine-1")


def test_a_group_is_forgotten_when_it_is_old_and_empty(ledger: Ledger) -> None:
    """Not while a job is failed with it."""
    fail(ledger, "1", "no order 17")
    fail(ledger, "2", "HTTP 503")
    with db.engine().begin() as connection:
        reopen(connection, "user-updates", ["1"])
        early, late = (connection.execute(delete(ErrorGroup).where(*forgotten(before))).rowcount for before in LATER)

    assert (early, late) == (0, 1)
    assert [group.message for group in groups()] == ["HTTP 503"]


def test_a_batch_of_failures_is_grouped_in_one_go(ledger: Ledger) -> None:
    """Completed and failed together, two errors; each row has its own."""
    claims = [promised(ledger, new_job(str(number), added_ms=NINE_MS + number)) for number in range(1, 6)]
    starts = [started(ledger, claimed) for claimed in claims]
    ends = [end(claims[0], starts[0])]
    ends += [end(claims[n], starts[n], EndKind.FAILED, reason=f"no order {n}") for n in (1, 2, 3)]
    ends += [end(claims[4], starts[4], EndKind.FAILED, reason="HTTP 503")]

    ledger.before_settle(ends)

    grouped = {row.job_id: row.error_group for row in all_rows()}
    assert grouped["1"] is None
    assert grouped["2"] == grouped["3"] == grouped["4"] != grouped["5"]
    assert {group.message: group.seen for group in groups()} == {"no order #": 3, "HTTP 503": 1}
    with Session(db.engine()) as session:
        assert session.query(JobStatus).filter(JobStatus.error_group.is_not(None)).count() == 4
