"""An alert fires once its reason has held, does not flap, and is resolved."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db
from app.alerts.rule import Finding, Rule, at_once
from app.alerts.state import apply, firing
from app.alerts.watching import look
from app.models.alert import Alert, AlertState
from tests.ledger.figures.ended import MINUTE, NINE, SECOND

pytestmark = pytest.mark.usefixtures("sqlite_database")

RULE = Rule("warm", lambda _, __: (), lambda: 2 * MINUTE)


def after(minutes: float, *subjects: str) -> list[tuple[str, str]]:
    """What a look so long after nine changes, if it finds these."""
    with db.session() as session:
        found = [Finding(one, 40, 30, f"{one} is at 40 degrees") for one in subjects]
        return [(alert.subject, alert.state) for alert in apply(session, RULE, found, NINE + minutes * MINUTE)]


def fires() -> list[str]:
    """What fires now."""
    with db.reading() as session:
        return [alert.subject for alert in firing(session)]


def test_it_fires_once_it_has_held_and_is_told_once() -> None:
    """Not at the first look; and not again at every look."""
    changes = [after(minutes, "a") for minutes in (0, 1, 2, 3, 4)]

    assert changes == [[], [], [("a", "firing")], [], []]
    assert fires() == ["a"]


def test_what_does_not_hold_never_fires() -> None:
    """Gone at one look of three: it begins anew."""
    changes = [after(0, "a"), after(1), after(2, "a"), after(3, "a"), after(3.9, "a")]

    assert (changes, fires()) == ([[]] * 5, [])


def test_it_is_resolved_once_its_reason_has_been_gone_for_five_minutes() -> None:
    """Told once, too."""
    after(0, "a")
    after(2, "a")

    changes = [after(minutes) for minutes in (3, 7.9, 8, 9)]

    assert (changes, fires()) == ([[], [], [("a", "resolved")], []], [])


def test_what_comes_and_goes_is_one_alert() -> None:
    """There for a minute, gone for a minute, for an hour: it fires once and is resolved once."""
    after(-2, "a")

    told = [change for minute in range(60) for change in after(minute, *(["a"] if minute % 2 == 0 else []))]
    told += [change for minute in range(60, 70) for change in after(minute)]

    assert told == [("a", "firing"), ("a", "resolved")]


def test_it_comes_again_as_a_new_one() -> None:
    """With a time of its own."""
    for minutes in (0, 2):
        after(minutes, "a")
    for minutes in (3, 9):
        after(minutes)

    again = [after(20, "a"), after(22, "a")]

    with db.reading() as session:
        (alert,) = firing(session)
    assert again == [[], [("a", "firing")]]
    assert (alert.since, alert.fired_at, alert.resolved_at) == (NINE + 20 * MINUTE, NINE + 22 * MINUTE, None)


def test_one_subject_says_nothing_of_another() -> None:
    """Each has its own row."""
    after(0, "a", "b")

    changes = [after(2, "a", "b"), after(3, "b"), after(8, "b")]

    assert (changes[0], changes[2], fires()) == ([("a", "firing"), ("b", "firing")], [("a", "resolved")], ["b"])


def test_two_producers_look_once_in_the_rules_time() -> None:
    """The second finds that it has been done."""
    looks: list[datetime] = []

    def noted(_: Session, now: datetime) -> list[Finding]:
        looks.append(now)
        return []

    rule = Rule("counted", noted, at_once)

    for seconds in (0, 1, 9, 10, 11):
        look(rule, NINE + seconds * SECOND)

    assert looks == [NINE, NINE + 10 * SECOND]


def test_resolved_ones_are_forgotten_after_thirty_days() -> None:
    """Their names are as many as entries and jobs ever had."""
    after(0, "a")
    after(2, "a")
    after(3)
    after(9)

    after(31 * 24 * 60, "b")

    with db.reading() as session:
        assert [(one.subject, one.state) for one in session.scalars(select(Alert))] == [("b", AlertState.PENDING)]
