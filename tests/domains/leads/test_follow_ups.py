"""Tasks for whom to get in touch with, as the opportunities stand."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from app import db
from app.domains.leads.follow_ups import open_tasks, process_follow_ups
from app.models.follow_up import FollowUp
from app.models.opportunity import Opportunity
from tests.domains.leads.conftest import NINE, add, opportunity

HOUR = timedelta(hours=1)


def process(now: datetime) -> dict[str, int]:
    """As the entry does it."""
    with db.session() as session:
        return process_follow_ups(session, now)


def tasks(now: datetime = NINE) -> list[tuple[str, str, datetime]]:
    """What is open."""
    with db.reading() as session:
        return [(task.opportunity_id, task.owner, task.due_at) for task in session.scalars(open_tasks(now))]


def test_a_task_is_opened_for_what_is_due_and_closed_when_it_is_needless(database: Engine) -> None:
    """Due an hour ago, now, in an hour, never; then one is converted and one is put off."""
    due = {"late": NINE - HOUR, "now": NINE, "soon": NINE + HOUR, "never": None}
    add(*(opportunity(key, owner=f"{key}@x.example", next_follow_up_at=at) for key, at in due.items()))
    add(
        opportunity("lost", stage="JUNK", next_follow_up_at=NINE),
        opportunity("x", deleted=True, next_follow_up_at=NINE),
    )
    first, opened = process(NINE), tasks()
    with db.session() as session:
        session.get_one(Opportunity, "late").stage = "CONVERTED"
        session.get_one(Opportunity, "now").next_follow_up_at = NINE + 3 * HOUR

    second = process(NINE + HOUR)

    assert (first, opened) == (
        {"opened": 2, "closed": 0},
        [("late", "late@x.example", NINE - HOUR), ("now", "now@x.example", NINE)],
    )
    assert second == {"opened": 1, "closed": 2}
    assert tasks(NINE + HOUR) == [("soon", "soon@x.example", NINE + HOUR)]


def test_the_same_moment_again_opens_nothing(database: Engine) -> None:
    """A retry finds its tasks; one that is done is not opened again either."""
    add(opportunity("a", next_follow_up_at=NINE), opportunity("b", next_follow_up_at=NINE))
    process(NINE)
    with db.session() as session:
        session.scalars(select(FollowUp).where(FollowUp.opportunity_id == "a")).one().closed_at = NINE

    again = process(NINE + HOUR)

    assert again == {"opened": 0, "closed": 0}
    assert [key for key, *_ in tasks()] == ["b"]
