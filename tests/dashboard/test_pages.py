"""Every page stands, empty and full, for every role that may see it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app import db
from app.alerts.rule import Rule
from app.alerts.rules import RULES
from app.clock import utc_now
from app.models.alert import Alert, AlertState
from app.models.user import Role
from tests.dashboard.conftest import SignedIn

PAGES = (
    "overview",
    "overview?window=24h",
    "users",
    "users?show=late&dataset=ads",
    "schedule",
    "sessions",
    "workers",
    "audit",
)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_an_empty_system_says_what_to_do(as_: SignedIn, path: str) -> None:
    """No page needs a first row."""
    shown = as_(Role.ADMIN).text(f"/dashboard/{path}")

    assert "<h1>" in shown


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_alert_that_fires_stands_on_the_first_page_and_leads_on(as_: SignedIn, rule: Rule) -> None:
    """Every rule's, until it is resolved; to a page that is another one and is there."""
    now = utc_now()
    viewer = as_(Role.VIEWER)
    with db.session() as session:
        found = Alert(
            rule=rule.name, subject="daily", text="12 of 100 <users> are late", value=12, threshold=5, since=now
        )
        found.state, found.fired_at = AlertState.FIRING, now
        session.add(found)

    firing = viewer.text("/dashboard/overview")
    with db.session() as session:
        found = session.scalars(select(Alert)).one()
        found.state, found.resolved_at = AlertState.RESOLVED, now
    resolved = viewer.text("/dashboard/overview")

    alarm = re.search(r'<span>12 of 100 &lt;users&gt; are late</span><a href="(/dashboard/\w+)">See</a>', firing)
    assert alarm is not None
    assert alarm[1] != "/dashboard/overview"
    assert "<h1>" in viewer.text(alarm[1])
    assert "12 of 100" not in resolved
