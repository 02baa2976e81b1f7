"""The first page says whose data is late and why, and each of its numbers is as long as the list it leads to."""

from __future__ import annotations

import html
import re
from datetime import timedelta

from app import db
from app.clock import utc_now
from app.crontab import emergency
from app.domains.refresh.lateness import CYCLE_OF
from app.ledger.workers import seen
from app.models.user import Role
from tests.dashboard.conftest import SignedIn
from tests.domains.refresh.promised import HOUR, add_promised

OVERVIEW = "/dashboard/overview"
NUMBER = re.compile(r'<a class="number[^"]*" href="([^"]+)"><b>([\d,]+)</b>')
DAY = timedelta(days=1)


def test_every_number_of_users_is_as_long_as_its_list(as_: SignedIn) -> None:
    """Late per dataset, late in all, never refreshed, with slots."""
    now = utc_now()
    add_promised("one", {"orders": 2 * DAY, "ads": 2 * DAY}, now=now)
    add_promised("two", {"orders": 3 * DAY, "ads": HOUR}, now=now)
    add_promised("three", {"orders": HOUR}, now=now)
    add_promised("never", {}, now=now)
    viewer = as_(Role.VIEWER)

    numbers = {html.unescape(href): int(count) for href, count in NUMBER.findall(viewer.text(OVERVIEW))}
    lists = {href: viewer.text(href).count("<tr data-row>") for href in numbers if "/users?" in href}

    assert len(lists) == 3 + len(CYCLE_OF)
    assert lists == {href: numbers[href] for href in lists}
    assert lists["/dashboard/users?show=late"] == 2
    assert lists["/dashboard/users?show=late&dataset=orders"] == 2
    assert lists["/dashboard/users?show=promised"] == 4


def test_the_headline_is_the_answer(as_: SignedIn) -> None:
    """In words, with the cause beside the user."""
    viewer = as_(Role.VIEWER)
    nobody = viewer.text(OVERVIEW)
    late = add_promised("ada", {"orders": 2 * DAY}, now=utc_now(), revoked="invalid_grant")

    one = viewer.text(OVERVIEW)

    assert "Nobody has slots yet" in nobody
    assert "One user’s data is late" in one
    assert f'href="/dashboard/users/{late}"' in one
    assert "must be authorised again at Amazon: invalid_grant" in one


def test_what_stops_everybody_is_said_first(as_: SignedIn) -> None:
    """No worker; then one that lives."""
    viewer = as_(Role.VIEWER)
    without = viewer.text(OVERVIEW)
    with db.session() as session:
        seen(session.connection(), "host:1:a", utc_now())

    with_one = viewer.text(OVERVIEW)

    assert "No worker is running" in without
    assert "No worker is running" not in with_one


def test_an_emergency_stop_is_asked_for_twice_and_stands_on_every_first_page(as_: SignedIn) -> None:
    """The word, and a reason; a viewer sees it and cannot restart."""
    admin, viewer = as_(Role.ADMIN), as_(Role.VIEWER)
    admin.get("/dashboard/emergency-stop")

    unsaid = admin.post("/dashboard/emergency-stop", name="stop")
    mistyped = admin.post("/dashboard/emergency-stop", name="Stop", reason="a leak")
    done = admin.post("/dashboard/emergency-stop", name="stop", reason="a leak")

    assert [unsaid.status_code, mistyped.status_code, done.status_code] == [400, 400, 303]
    shown = viewer.text(OVERVIEW)
    assert "Everything is stopped" in shown
    assert "a leak" in shown
    assert "/dashboard/restart" not in shown
    assert "/dashboard/restart" in admin.text(OVERVIEW)
    with db.reading() as session:
        stop = emergency.standing(session)
        assert stop is not None
        assert (stop.by, stop.why) == (admin.id, "a leak")


def test_a_restart_undoes_the_stop(as_: SignedIn) -> None:
    """Nothing is left of it."""
    admin = as_(Role.ADMIN)
    emergency.stop_everything(by=admin.id, at=utc_now(), why="a leak")
    admin.get("/dashboard/restart")

    done = admin.post("/dashboard/restart", name="restart", reason="mended")

    assert done.status_code == 303
    assert "Everything goes on." in admin.text(OVERVIEW)
    assert "Everything goes on." not in admin.text(OVERVIEW)
