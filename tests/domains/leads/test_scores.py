"""Scores rise by the days until the journey, once a slot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from app import db
from app.domains.leads.scores import raise_scores
from app.models.opportunity import Opportunity
from tests.domains.leads.conftest import NINE, add, opportunity

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

#: The document's steps, worked out by hand: whole days until the journey, and the points for them.
STEPS = [
    (-SECOND, 0),
    (timedelta(0), 20),
    (7 * DAY, 20),
    (8 * DAY - SECOND, 20),
    (8 * DAY, 15),
    (14 * DAY, 15),
    (15 * DAY - SECOND, 15),
    (15 * DAY, 10),
    (30 * DAY, 10),
    (30 * DAY + SECOND, 0),
]


def score_at(slot: datetime) -> int:
    """As the entry does it."""
    with db.session() as session:
        return raise_scores(session, slot)


def scores() -> dict[str, int]:
    """By opportunity."""
    with db.reading() as session:
        return dict(session.execute(select(Opportunity.id, Opportunity.opportunity_score)).all())


def test_scores_rise_by_the_days_until_the_journey(database: Engine) -> None:
    """7, 14 and 30 days, at both edges of each; without a date nothing is near."""
    add(*(opportunity(str(days), travel_date=NINE + days, opportunity_score=5) for days, _ in STEPS))
    add(opportunity("never", travel_date=None, opportunity_score=5))

    raised = score_at(NINE)

    assert scores() == {str(days): 5 + points for days, points in STEPS} | {"never": 5}
    assert raised == sum(points > 0 for _, points in STEPS)


@pytest.mark.parametrize(
    "fields", [{"stage": "CONVERTED"}, {"stage": "JUNK"}, {"stage": "NOT_INTERESTED"}, {"deleted": True}]
)
def test_what_is_closed_or_deleted_keeps_its_score(database: Engine, fields: dict[str, object]) -> None:
    """Nobody will travel."""
    add(opportunity("o", travel_date=NINE + DAY, **fields))

    raised = score_at(NINE)

    assert (raised, scores()) == (0, {"o": 0})


def test_a_slot_raises_a_score_once_and_the_next_again(database: Engine) -> None:
    """C36: a retry, or a run thought dead, adds nothing; nor does an older slot after a newer."""
    add(opportunity("o", travel_date=NINE + 8 * DAY))

    raised = [score_at(slot) for slot in (NINE, NINE, NINE + DAY, NINE)]

    assert raised == [1, 0, 1, 0]
    assert scores() == {"o": 15 + 20}


def test_two_runs_of_a_slot_at_once_raise_a_score_once(database: Engine) -> None:
    """The fence is in the statement, so who comes second finds it closed."""
    add(*(opportunity(str(number), travel_date=NINE + DAY) for number in range(200)))

    with ThreadPoolExecutor(4) as at_once:
        raised = list(at_once.map(score_at, [NINE] * 4))

    assert sum(raised) == 200
    assert set(scores().values()) == {20}
