"""Whose data is late, and why, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app import db
from app.domains.refresh import lateness
from app.models.job_status import JobStatus, Status
from tests.domains.refresh.promised import HOUR, NOON, add_promised

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def late_ids(dataset: str | None = None) -> set[str]:
    """Who is late."""
    with db.reading() as session:
        return set(session.scalars(lateness.late_users(NOON, dataset)))


@pytest.mark.parametrize(
    ("dataset", "promised"), [("orders", 25 * HOUR), ("ads", 25 * HOUR), ("inventory", 7 * DAY + 6 * HOUR)]
)
def test_data_is_late_a_moment_after_it_was_promised(database: Engine, dataset: str, promised: timedelta) -> None:
    """25 hours for what comes daily, 7 days and 6 hours for what comes weekly."""
    add_promised("on-time", {dataset: promised})
    late = add_promised("late", {dataset: promised + SECOND})

    assert late_ids() == {late}
    assert late_ids(dataset) == {late}


def test_data_that_was_tried_and_never_came_is_late(database: Engine) -> None:
    """However young the user is."""
    late = add_promised("late", {"orders": HOUR, "ads": None})

    assert late_ids("ads") == {late}
    assert late_ids("orders") == set()


def test_a_user_without_slots_was_promised_nothing(database: Engine) -> None:
    """Somebody may have refreshed them by hand once."""
    add_promised("by-hand", {"orders": 30 * DAY}, has_slots=False)

    assert late_ids() == set()


def test_a_user_with_three_late_datasets_is_one_user_of_each_and_one_in_all(database: Engine) -> None:
    """Every number counts users, and equals the list that it leads to."""
    add_promised("three", {"orders": 2 * DAY, "ads": 3 * DAY, "inventory": 9 * DAY, "economics": HOUR})
    add_promised("one", {"orders": 4 * DAY, "ads": HOUR})

    with db.reading() as session:
        found = {one.dataset: one for one in lateness.late_by_dataset(session, NOON)}
        all_in_all = lateness.count_of(session, lateness.late_users(NOON))

    assert {name: one.users for name, one in found.items() if one.users} == {"orders": 2, "ads": 1, "inventory": 1}
    assert {name: len(late_ids(name)) for name in found} == {name: one.users for name, one in found.items()}
    assert found["orders"].oldest == NOON - 4 * DAY
    assert list(found)[:4] == ["orders", "transactions", "economics", "ads"]
    assert all_in_all == 2


def test_the_oldest_data_comes_first_with_its_cause(database: Engine) -> None:
    """What needs a person is said before what is on its way."""
    revoked = add_promised("revoked", {"orders": 5 * DAY}, revoked="invalid_grant")
    failing = add_promised("failing", {"orders": 4 * DAY}, failed="searchOrders: 500 InternalFailure")
    waiting = add_promised("waiting", {"orders": 3 * DAY})
    quiet = add_promised("quiet", {"orders": 2 * DAY, "ads": 2 * DAY})
    with db.session() as session:
        for user_id in (revoked, waiting):
            session.add(
                JobStatus(
                    queue="user-updates", job_id=f"j-{user_id}", added_ms=1, name="process_user_data", user_id=user_id,
                    data={}, opts={}, attempts=4, status=Status.WAITING, queued_at=NOON,
                )
            )  # fmt: skip

    with db.reading() as session:
        worst = lateness.worst(session, NOON)
        first = lateness.worst(session, NOON, limit=1)

    assert [(one.user_id, one.kind, one.late) for one in worst] == [
        (revoked, "revoked", 1),
        (failing, "failed", 1),
        (waiting, "waiting", 1),
        (quiet, "unknown", 2),
    ]
    assert worst[0].why == "DE must be authorised again at Amazon: invalid_grant"
    assert worst[1].why == "DE orders: searchOrders: 500 InternalFailure"
    assert worst[2].why == f"its update j-{waiting} is waiting"
    assert first == worst[:1]
