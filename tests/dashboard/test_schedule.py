"""The schedule is read by viewers and changed by admins, after a look at what a change means."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

import pytest

from app import db
from app.clock import utc_now
from app.crontab import entries
from app.crontab.entries import NewEntry
from app.dashboard.schedule import clashes, heat
from app.domains.slots.assign import assign_many
from app.domains.slots.load import read_loads
from app.ledger import audit
from app.models.user import Role
from tests.crontab.conftest import WriteJob, sync
from tests.dashboard.conftest import Browser, SignedIn
from tests.domains.refresh.promised import add_promised

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
FIELDS = {
    "title": "Night Shift", "schedule": "0 3 * * *", "timezone": "UTC", "timeout_s": "30", "attempts": "2",
    "memory_limit_mb": "", "catch_up": "one", "alert_on_failure": "on",
}  # fmt: skip


@pytest.fixture
def admin(write_job: WriteJob, as_: SignedIn) -> Browser:
    """An administrator of a crontab with two entries."""
    write_job("nightShift", schedule="0 2 * * *", title="Night Shift")
    write_job("dayShift", schedule="*/5 * * * *", enabled=False)
    sync()
    return as_(Role.ADMIN)


def previewed(page: str) -> str:
    """What the form holds of the preview."""
    return html.unescape(re.search(r'name="previewed" value="([^"]*)"', page)[1])  # type: ignore[index]


def test_an_entry_runs_now_and_its_session_is_in_the_list(admin: Browser) -> None:
    """Another press while it runs is a 409."""
    admin.get("/dashboard/schedule")

    first = admin.post("/dashboard/schedule/nightShift/run")
    second = admin.post("/dashboard/schedule/nightShift/run")

    assert (first.status_code, second.status_code) == (303, 409)
    sessions = admin.text("/dashboard/sessions?entry=nightShift&status=RUNNING")
    assert sessions.count("<tr data-row>") == 1
    assert "nightShift (manual)" in sessions


def test_a_change_is_shown_before_it_is_saved_and_saved_only_as_shown(admin: Browser) -> None:
    """A field that is changed after the look is looked at again."""
    edit = "/dashboard/schedule/nightShift/edit"
    admin.get(edit)

    looked = admin.post(edit, **FIELDS)
    seen = previewed(looked.get_data(as_text=True))
    changed_since = admin.post(edit, **{**FIELDS, "schedule": "0 4 * * *"}, previewed=seen, reason="earlier")
    with db.reading() as session:
        before = entries.find(session, "nightShift").schedule
    saved = admin.post(edit, **FIELDS, previewed=seen, reason="later")

    assert "At 03:00 every day" in looked.get_data(as_text=True)
    assert (looked.status_code, changed_since.status_code, saved.status_code) == (200, 200, 303)
    assert before == "0 2 * * *"
    with db.reading() as session:
        entry = entries.find(session, "nightShift")
        (act, *_) = session.scalars(audit.trail("entry nightShift")).all()
    assert (entry.schedule, entry.attempts, entry.memory_limit_mb) == ("0 3 * * *", 2, None)
    assert (act.actor, act.why, act.details["schedule"]) == (admin.id, "later", ["0 2 * * *", "0 3 * * *"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("schedule", "61 * * * *"), ("timezone", "Mars/Olympus"), ("attempts", "0"), ("timeout_s", ""), ("title", "")],
)
def test_a_wrong_field_is_named_and_nothing_that_was_typed_is_lost(admin: Browser, field: str, value: str) -> None:
    """400, and the form again."""
    edit = "/dashboard/schedule/nightShift/edit"
    admin.get(edit)

    refused = admin.post(edit, **{**FIELDS, "title": "Kept", field: value})

    page = refused.get_data(as_text=True)
    assert refused.status_code == 400
    assert f'id="{field}-fault"' in page
    assert field == "title" or 'value="Kept"' in page


def test_only_what_was_made_here_is_removed_and_by_its_name(admin: Browser) -> None:
    """An entry of the code would come back with the next start."""
    with db.session() as session:
        new = NewEntry(id="own", job="nightShift", title="Own", schedule="0 5 * * *")
        entries.create(session, new, by=admin.id, at=utc_now())
    admin.get("/dashboard/schedule/own/remove")

    of_code = admin.get("/dashboard/schedule/nightShift/remove")
    mistyped = admin.post("/dashboard/schedule/own/remove", name="oan", reason="over")
    removed = admin.post("/dashboard/schedule/own/remove", name="own", reason="over")

    assert [answer.status_code for answer in (of_code, mistyped, removed)] == [409, 400, 303]
    assert admin.get("/dashboard/schedule/own").status_code == 404


def test_an_entry_is_switched_on_and_off(admin: Browser) -> None:
    """The words on the page follow."""
    admin.get("/dashboard/schedule/dayShift")

    admin.post("/dashboard/schedule/dayShift/switch", to="on")

    shown = admin.text("/dashboard/schedule/dayShift")
    assert "dayShift is on now." in shown
    assert "Every fifth minute" in shown
    assert shown.count("<li><time") == 5


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_the_schedule_is_an_admins_to_change(admin: Browser, as_: SignedIn, role: Role) -> None:
    """CONTRACTS C42: refused by the server, and no button."""
    caller = as_(role)
    shown = caller.text("/dashboard/schedule") + caller.text("/dashboard/schedule/nightShift")
    acts = ("run", "switch", "restore", "edit", "remove")

    refused = [caller.post(f"/dashboard/schedule/nightShift/{act}", to="off").status_code for act in acts]

    assert refused == [403] * 5
    assert not re.search(r'(action|href)="/dashboard/schedule/nightShift/', shown)


def test_entries_that_start_at_the_same_moment_are_told(admin: Browser) -> None:
    """Those that run a few times a day; what runs every five minutes meets everything (C25)."""
    with db.session() as session:
        for name, schedule in (("own", "0 2 * * *"), ("alone", "0 7 * * *"), ("often", "*/5 * * * *")):
            new = NewEntry(id=name, job="nightShift", title=name, schedule=schedule)
            entries.create(session, new, by=admin.id, at=NINE)
        found = clashes(entries.ticking(session), NINE)

    assert found == [(datetime(2026, 1, 2, 2, tzinfo=UTC), ["nightShift", "own"])]


def test_the_heat_of_a_week_is_its_daily_updates_and_its_weekly_ones(admin: Browser) -> None:
    """48 users: two an hour each day, and each once more a week."""
    users = [add_promised(f"user{number}", {}, has_slots=False) for number in range(48)]
    with db.session() as session:
        assign_many(session, users)

    with db.reading() as session:
        found = heat(read_loads(session), NINE)

    assert sum(cell.count for hours in found.values() for cell in hours) == 48 * 7 + 48
    assert min(cell.count for hours in found.values() for cell in hours) == 2
    assert list(found) == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert {cell.shade for hours in found.values() for cell in hours} <= {0, 1, 2, 3, 4, 5}
