"""Publishers, who they belong to, and whose jobs come first."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from app import db, demo
from app.domains.accounts import users
from app.domains.publishers.accounts import (
    add_member,
    all_publishers,
    is_member,
    members,
    publishers_of,
    remove_member,
)
from app.domains.publishers.errors import PublisherExists, PublisherNotFound
from app.domains.publishers.priority import OFFSET, priority_of
from tests.domains.publishers.conftest import add_publisher


def a_user(email: str = "a@example.com") -> str:
    """Their id."""
    with db.session() as session:
        return users.register(session, email, "hash").id


def test_a_member_has_its_publishers_and_nobody_elses(sqlite_database: Engine) -> None:
    """In the order of their ids."""
    for key in ("c", "a", "b"):
        add_publisher(key)
    user = a_user()

    with db.session() as session:
        for key in ("c", "a", "a"):
            add_member(session, key, user)
    with db.reading() as session:
        mine = [one.id for one in session.scalars(publishers_of(user))]
        everybodys = [one.id for one in session.scalars(all_publishers())]
        belongs = [is_member(session, key, user) for key in "abc"]

    assert (mine, everybodys, belongs) == (["a", "c"], ["a", "b", "c"], [True, False, True])


def test_an_id_is_taken_once(sqlite_database: Engine) -> None:
    """And the transaction goes on."""
    add_publisher("pub-1")

    with pytest.raises(PublisherExists, match="'pub-1'"):
        add_publisher("pub-1")


def test_a_removed_user_or_member_is_a_member_no_more(sqlite_database: Engine) -> None:
    """Of two, one is taken off, and the other leaves."""
    add_publisher()
    leaving, taken_off = a_user(), a_user("b@example.com")
    with db.session() as session:
        add_member(session, "pub-1", leaving)
        add_member(session, "pub-1", taken_off)

    with db.session() as session:
        users.remove(session, leaving)
        remove_member(session, "pub-1", taken_off)

    with db.reading() as session:
        assert session.scalars(members("pub-1")).all() == []


def test_whatever_a_premium_publisher_asks_for_comes_before_all_others(sqlite_database: Engine) -> None:
    """Lower is sooner (C20); among equals the asked priority decides."""
    add_publisher("premium", is_premium=True)
    add_publisher("other")

    with db.reading() as session:
        premium = [priority_of(session, "premium", asked) for asked in (0, 5, 2_097_152)]
        others = [priority_of(session, "other", asked) for asked in (0, 5, 2_097_152)]

    assert premium == [0, 5, OFFSET - 1]
    assert others == [OFFSET, OFFSET + 5, 2 * OFFSET - 1]
    assert others[-1] <= 2_097_152


def test_nobodys_job_has_no_priority(sqlite_database: Engine) -> None:
    """An id of no publisher is a mistake."""
    with db.reading() as session, pytest.raises(PublisherNotFound, match="'nobody'"):
        priority_of(session, "nobody")


def test_the_demo_has_three_publishers_of_its_first_users(sqlite_database: Engine) -> None:
    """One of them premium."""
    with db.session() as session:
        ids = demo.add_users(session, "hash")
        demo.add_publishers(session, ids)

    with db.reading() as session:
        found = session.scalars(all_publishers()).all()
        owners = [session.scalars(members(one.id)).all() for one in found]

    assert sum(one.is_premium for one in found) == 1
    assert len({one.timezone for one in found}) == 3
    assert sorted(owner for [owner] in owners) == sorted(ids[:3])
