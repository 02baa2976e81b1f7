"""``toril slots``: users per hour and day, workers for them, and moves that are shown before they are made."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine, select

from app import db
from app.domains.slots.assign import assign_many, release
from app.models.audit_entry import AuditEntry
from tests.cli.conftest import Run
from tests.domains.slots.people import add_users, spread, users_per_slot


@pytest.fixture
def forty_eight_users(sqlite_database: Engine) -> list[str]:
    """Two an hour."""
    with db.session() as session:
        everyone = add_users(session, 48)
        assign_many(session, everyone)
        return everyone


def test_users_are_shown_by_hour_and_day_with_the_workers_for_them(toril: Run, forty_eight_users: list[str]) -> None:
    """In words and as JSON."""
    shown = toril("slots")
    as_json = json.loads(toril("slots", "--json").stdout)

    assert shown.returncode == 0, shown.stderr
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[0] == ["HOUR", "USERS"]
    assert lines[1:25] == [[f"{hour:02}", "2"] for hour in range(24)]
    assert ["Sun", "7"] in lines
    assert "fullest minute 1 users, mean 0.03" in shown.stdout
    assert "workers by the formula ceil(users/1000)*2: 2; no update is completed yet" in shown.stdout
    assert as_json["usersPerHour"] == {str(hour): 2 for hour in range(24)}
    assert sum(as_json["usersPerDay"].values()) == 48
    assert as_json["perMinute"]["daily"]["peak"] == 1
    assert as_json["workers"]["byFormula"] == 2


def test_moves_are_shown_first_and_made_when_they_are_asked_for(toril: Run, forty_eight_users: list[str]) -> None:
    """Every one of them, and the act is in the audit trail."""
    with db.session() as session:
        for user_id in forty_eight_users[12:24] + forty_eight_users[36:48]:
            release(session, user_id)

    looked_at = toril("slots", "rebalance")
    with db.session() as session:
        before = spread(users_per_slot(session)[0])
    made = toril("slots", "rebalance", "--yes", "--why", "many have left")

    with db.session() as session:
        after = [spread(counts) for counts in users_per_slot(session)]
        [act] = session.scalars(select(AuditEntry))
    assert looked_at.returncode == made.returncode == 0, made.stderr
    assert before == 2
    assert max(after) <= 1
    rows = [line for line in looked_at.stdout.splitlines() if " daily " in line or " weekly " in line]
    assert f"{len(rows)} moves, 0 with an extra run" in looked_at.stdout
    assert "nothing was moved" in looked_at.stdout
    assert f"{len(rows)} were moved" in made.stdout
    assert (act.action, act.why, act.details) == ("slots.rebalanced", "many have left", {"moved": len(rows)})
