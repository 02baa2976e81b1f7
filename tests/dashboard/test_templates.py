"""The page of templates: kept from the form of a job, run by one click, removed after a question."""

from __future__ import annotations

from flask import Flask

from app import db
from app.jobs import templates
from app.models.user import Role
from app.settings import settings
from tests.dashboard.conftest import SignedIn
from tests.ledger.rows import all_rows

PAGE = "/dashboard/templates"
ADD = "/dashboard/queues/cleanup/add"
JOB = {"name": "tidy", "data": '{"type": "old_logs"}', "priority": "0", "delay_s": "60"}


def kept() -> list[str]:
    """The names."""
    with db.reading() as session:
        return [one.name for one in session.scalars(templates.all_templates())]


def test_a_job_that_is_added_can_be_kept_and_run_again(app: Flask, as_: SignedIn) -> None:
    """With what it was added with."""
    settings.cache_clear()
    browser = as_(Role.OPERATOR)
    empty = browser.text(PAGE)
    browser.text(ADD)
    browser.post(ADD, **JOB, template="spring")
    listed = browser.text(PAGE)

    ran = browser.post(f"{PAGE}/spring/run")

    first, second = all_rows()
    assert "No templates yet" in empty
    assert "<b>spring</b>" in listed
    assert ran.location == f"/dashboard/jobs/cleanup/{second.job_id}"
    assert (second.name, second.data, second.delay_ms) == (first.name, first.data, first.delay_ms)


def test_a_template_is_removed_after_its_name_is_typed(app: Flask, as_: SignedIn) -> None:
    """Not before."""
    browser = as_(Role.OPERATOR)
    browser.text(ADD)
    browser.post(ADD, **JOB, template="spring")
    browser.text(f"{PAGE}/spring/remove")

    wrong = browser.post(f"{PAGE}/spring/remove", name="winter", reason="enough")
    still = kept()
    browser.post(f"{PAGE}/spring/remove", name="spring", reason="enough")

    assert (wrong.status_code, still, kept()) == (400, ["spring"], [])


def test_a_bad_name_keeps_and_adds_nothing(app: Flask, as_: SignedIn) -> None:
    """It stands beside its field."""
    browser = as_(Role.OPERATOR)
    browser.text(ADD)

    refused = browser.post(ADD, **JOB, template="two words")

    assert refused.status_code == 400
    assert 'id="template-fault"' in refused.get_data(as_text=True)
    assert (kept(), all_rows()) == ([], [])


def test_a_viewer_has_no_button_and_is_refused(app: Flask, as_: SignedIn) -> None:
    """The server refuses, whatever the page shows."""
    operator, viewer = as_(Role.OPERATOR), as_(Role.VIEWER)
    operator.text(ADD)
    operator.post(ADD, **JOB, template="spring")

    page = viewer.text(PAGE)
    refused = viewer.post(f"{PAGE}/spring/run")

    assert "spring" in page
    assert "spring/run" not in page
    assert refused.status_code == 403
    assert len(all_rows()) == 1
