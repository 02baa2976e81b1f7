"""The sales report: figures counted by hand, and the mail that brings them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from app import db
from app.domains.leads.report import Figures, as_text, figures, recipients, reported_since
from app.models.follow_up import FollowUp
from app.models.opportunity import Opportunity
from app.models.user import Role, User
from app.models.web_url import WebUrl
from app.settings import settings
from tests import smtp
from tests.crontab.jobs.running import run_job
from tests.domains.leads.conftest import NINE, add, opportunity
from tests.smtp import Mailbox

mailbox = smtp.mailbox
DAY = timedelta(days=1)


@pytest.fixture
def pipeline(database: Engine) -> None:
    """Six opportunities, two pages, three follow-ups, two admins."""
    add(
        opportunity("a", name="Ana", created_at=NINE - DAY / 2, travel_date=NINE + DAY, opportunity_score=40),
        opportunity("b", name="Bo", created_at=NINE - DAY, travel_date=NINE + 30 * DAY, opportunity_score=60),
        opportunity("c", stage="QUOTED", created_at=NINE, travel_date=NINE + 31 * DAY),
        opportunity("d", stage="JUNK", created_at=NINE, travel_date=NINE + DAY, opportunity_score=99),
        opportunity("e", deleted=True, created_at=NINE, travel_date=NINE + DAY, opportunity_score=99),
        opportunity("f", created_at=NINE + DAY),
        FollowUp(opportunity_id="a", owner="s@x.example", due_at=NINE, created_at=NINE),
        FollowUp(opportunity_id="b", owner="s@x.example", due_at=NINE + DAY, created_at=NINE),
        FollowUp(opportunity_id="c", owner="s@x.example", due_at=NINE, created_at=NINE, closed_at=NINE),
        WebUrl(id="1", url="https://x.example", destination="Lisbon", listed_slot=NINE, changed_at=NINE),
        WebUrl(id="2", url="https://x.example", destination="", listed_slot=NINE, changed_at=NINE, removed_at=NINE),
        User(id="1", email="admin@x.example", password_hash="", role=Role.ADMIN),
        User(id="2", email="gone@x.example", password_hash="", role=Role.ADMIN, removed_at=NINE),
        User(id="3", email="user@x.example", password_hash=""),
    )


BY_HAND = Figures(
    at=NINE,
    new=3,
    by_stage={"JUNK": 1, "NEW": 3, "QUOTED": 1},
    leaving=2,
    hottest=[("b", "Bo", 60), ("a", "Ana", 40), ("c", "", 0), ("f", "", 0)],
    tasks={"s@x.example": 1},
    pages=1,
)


def test_the_figures_are_those_of_the_rows(pipeline: None) -> None:
    """Counted by hand from the six above."""
    with db.reading() as session:
        found = figures(session, NINE, NINE - DAY)

    assert found == BY_HAND


def test_the_report_is_mailed_with_the_figures_of_the_rows(pipeline: None, mailbox: Mailbox) -> None:
    """To the admin who is still there; a second attempt sends nothing."""
    first = run_job("sendDailyReports", NINE)
    again = run_job("sendDailyReports", NINE)

    [mail] = mailbox.mails
    text = mail.get_content().replace("\r\n", "\n")
    assert (first, again) == ({"sent": 1, "recipients": 1}, {"sent": 0, "recipients": 1})
    assert (mail["To"], mail["Subject"]) == ("admin@x.example", "Opportunities, 2026-01-01")
    assert text == as_text(BY_HAND)
    for line in ("New since the last report: 3", "  NEW: 3", "  s@x.example: 1", "     60  b  Bo"):
        assert line in text.splitlines()


def test_recipients_can_be_named(pipeline: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the admins get none."""
    monkeypatch.setenv("REPORT_RECIPIENTS", "s1@x.example, s2@x.example")
    settings.cache_clear()

    with db.reading() as session:
        to = recipients(session)

    settings.cache_clear()
    assert to == ["s1@x.example", "s2@x.example"]


@pytest.mark.parametrize(("day", "days"), [(5, 3), (6, 1), (9, 1)])
def test_mondays_report_begins_on_friday(day: int, days: int) -> None:
    """The 5th of January 2026 is a Monday: what came over the weekend is in no other report."""
    at = datetime(2026, 1, day, 8, tzinfo=UTC)

    assert at - reported_since(at) == timedelta(days=days)


def test_an_opportunity_without_a_name_or_an_owner_is_told_too(database: Engine) -> None:
    """Nobody's tasks are somebody's."""
    add(opportunity("o"), FollowUp(opportunity_id="o", owner="", due_at=NINE, created_at=NINE))
    with db.reading() as session:
        text = as_text(figures(session, NINE, NINE - DAY))
        assert session.get(Opportunity, "o") is not None

    assert "  nobody: 1" in text.splitlines()
