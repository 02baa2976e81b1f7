"""What the ledger answers, in the documented names."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from app import db
from app.broker.recorder import EndKind
from app.ledger import queries
from app.ledger.effect import Accounts, effect
from app.ledger.recorder import Ledger
from tests.ledger.rows import NINE_MS, end, new_job, promised, running, started


@pytest.fixture
def history(ledger: Ledger) -> None:
    """Four jobs of two users: completed, failed, partial, and one that has only been promised."""
    claims = [promised(ledger, new_job(str(number), added_ms=NINE_MS + number)) for number in (1, 2, 3)]
    starts = [started(ledger, claimed) for claimed in claims]
    ledger.before_settle([end(claims[0], starts[0]), end(claims[1], starts[1], EndKind.FAILED, reason="HTTP 503")])
    with effect(running(claims[2], starts[2])) as ending:
        ending.status, ending.accounts = "partial", Accounts(2, 1, {"NA/US": "revoked"})
    ledger.before_add([new_job("4", queue="other", data={"user_id": "8"})])


def ids(statement: object) -> list[str]:
    """The ids it finds, in order."""
    with Session(db.engine()) as session:
        return [row.job_id for row in session.scalars(statement)]  # type: ignore[call-overload]


def test_a_users_jobs_come_newest_first_and_page_by_page(history: None) -> None:
    """Only theirs."""
    with Session(db.engine()) as session:
        first = session.scalars(queries.jobs_of_user("7", limit=2)).all()

    assert [row.job_id for row in first] == ["3", "2"]
    assert ids(queries.jobs_of_user("7", limit=2, before=first[-1].id)) == ["1"]


def test_recent_is_of_all_queues_or_of_one(history: None) -> None:
    """Newest first, at most so many."""
    assert ids(queries.recent(3)) == ["4", "3", "2"]
    assert ids(queries.recent(3, queue="user-updates")) == ["3", "2", "1"]


def test_failed_is_failed_and_on_request_partial(history: None) -> None:
    """A partial job is not a failed one, unless it is asked for (C33)."""
    assert ids(queries.failed()) == ["2"]
    assert sorted(ids(queries.failed(include_partial=True))) == ["2", "3"]
    assert len(ids(queries.failed(1, include_partial=True))) == 1


def test_a_job_is_found_by_its_id_the_newest_of_that_name(ledger: Ledger, history: None) -> None:
    """Ids come again when Redis was emptied; a queue narrows it."""
    ledger.before_add([new_job("1", added_ms=NINE_MS + 9, name="newer")])

    with Session(db.engine()) as session:
        newest = session.scalar(queries.job("1"))
        other = session.scalar(queries.job("1", queue="other"))

    assert newest is not None
    assert (newest.name, other) == ("newer", None)


def test_a_row_is_told_in_the_documented_names(history: None) -> None:
    """Times with their zone, the duration in ms, the reason per account."""
    with Session(db.engine()) as session:
        completed = queries.as_dict(session.scalars(queries.job("1")).one())
        partial = queries.as_dict(session.scalars(queries.job("3")).one())

    assert completed == {
        "jobId": "1",
        "queue": "user-updates",
        "name": "process_user_data",
        "userId": "7",
        "status": "completed",
        "queuedAt": "2026-01-01T09:00:00.001Z",
        "startedAt": "2026-01-01T09:00:01.001Z",
        "dueAt": None,
        "completedAt": "2026-01-01T09:00:03.001Z",
        "failedAt": None,
        "duration": 2000,
        "accountsTotal": None,
        "accountsProcessed": None,
        "attempts": 1,
        "maxAttempts": 4,
        "error": None,
        "errors": {},
    }
    assert (partial["status"], partial["accountsProcessed"], partial["errors"]) == ("partial", 1, {"NA/US": "revoked"})
