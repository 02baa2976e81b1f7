"""Users see themselves, viewers everybody, operators act."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import db
from app.clock import utc_now
from app.models.audit_entry import AuditEntry
from app.models.job_status import JobStatus
from app.models.user import Role
from tests.dashboard.conftest import SignedIn
from tests.domains.refresh.promised import HOUR, add_promised

DAY = timedelta(days=1)


def test_a_user_lands_on_their_own_page_and_sees_no_other(as_: SignedIn) -> None:
    """What is another's does not exist, and what is everybody's is not for them."""
    ada, eve = as_(Role.USER), as_(Role.USER)

    landed = ada.get("/dashboard/overview")
    others = ada.get(f"/dashboard/users/{eve.id}")
    everybody = [
        ada.get(f"/dashboard/{path}").status_code for path in ("users", "schedule", "sessions", "workers", "audit")
    ]

    assert landed.location == f"/dashboard/users/{ada.id}"
    assert others.status_code == 404
    assert everybody == [403] * 5
    own = ada.text(f"/dashboard/users/{ada.id}")
    assert "My data" in own
    assert 'href="/dashboard/users"' not in own


@pytest.mark.parametrize(
    ("role", "own", "status"),
    [(Role.USER, True, 303), (Role.USER, False, 404), (Role.VIEWER, False, 403), (Role.OPERATOR, False, 303)],
)
def test_an_update_now_is_ones_own_or_an_operators_to_ask_for(
    as_: SignedIn, role: Role, own: bool, status: int
) -> None:
    """It is a job, and stands on the trail."""
    caller = as_(role)
    whose = caller.id if own else add_promised("ada", {"orders": HOUR}, now=utc_now())
    caller.get(f"/dashboard/users/{caller.id}")

    answer = caller.post(f"/dashboard/users/{whose}/refresh", cadence="both")

    assert answer.status_code == status
    with db.reading() as session:
        jobs = session.execute(select(JobStatus.user_id, JobStatus.data)).all()
        acts = session.scalars(select(AuditEntry).where(AuditEntry.action == "user.refreshed")).all()
    asked = status == 303
    assert [(user_id, data["cadence"]) for user_id, data in jobs] == ([(whose, "both")] if asked else [])
    assert [(act.actor, act.target) for act in acts] == ([(caller.id, f"user {whose}")] if asked else [])


def test_a_viewer_has_no_button(as_: SignedIn) -> None:
    """Refused by the server, and not offered by the page."""
    ada = add_promised("ada", {"orders": HOUR}, now=utc_now())

    seen = {role: as_(role).text(f"/dashboard/users/{ada}") for role in (Role.VIEWER, Role.OPERATOR)}

    assert "Refresh now" not in seen[Role.VIEWER]
    assert "Refresh now" in seen[Role.OPERATOR]


def test_a_users_page_says_how_fresh_each_dataset_is_and_what_to_do(as_: SignedIn) -> None:
    """Fresh, late, never, and a revoked account."""
    ages = {"orders": HOUR, "transactions": 2 * DAY, "ads": None}
    ada = add_promised("ada", ages, now=utc_now(), revoked="invalid_grant")

    shown = as_(Role.VIEWER).text(f"/dashboard/users/{ada}")

    for words in (">fresh<", ">late<", ">never<", "not tried yet", "invalid_grant", "authorises Toril again at Amazon"):
        assert words in shown
    assert "All 20 operations are untouched" in shown


def test_a_list_goes_on_after_its_last_row(as_: SignedIn, app: Flask) -> None:
    """Every user once, 50 a page."""
    viewer = as_(Role.VIEWER)
    for number in range(60):
        add_promised(f"user{number:02}", {}, now=utc_now())

    first = viewer.text("/dashboard/users?show=never")
    after = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = viewer.text(after)

    assert (first.count("<tr data-row>"), second.count("<tr data-row>")) == (50, 10)
    assert 'rel="next"' not in second
    assert all((f"user{n:02}@" in first) != (f"user{n:02}@" in second) for n in range(60))


def test_what_users_call_themselves_is_text(as_: SignedIn) -> None:
    """An address with a tag in it is shown, not run."""
    add_promised(
        "<script>alert(1)</script>", {"orders": 3 * DAY}, now=utc_now(), failed='"><img src=x onerror=alert(1)>'
    )

    pages = [as_(Role.VIEWER).text(f"/dashboard/{path}") for path in ("overview", "users")]

    assert all("<script>alert" not in page and "<img" not in page.replace('<img src="/dash', "") for page in pages)
    assert "&lt;script&gt;" in pages[1]


@pytest.mark.parametrize(
    "query", ["show=nobody", "dataset=orders%00", "after=" + "x" * 65, "find=%00", "show=late&dataset=x"]
)
def test_a_list_that_is_none_is_a_clear_400(as_: SignedIn, query: str) -> None:
    """As a page that names the field."""
    answer = as_(Role.VIEWER).get(f"/dashboard/users?{query}")

    assert answer.status_code == 400
    assert query.partition("=")[0].split("&")[0] in answer.get_data(as_text=True) or "dataset" in query
