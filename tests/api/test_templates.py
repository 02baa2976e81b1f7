"""Templates over the API and on their page: checked when kept, checked again when run, each act on the trail."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app import db
from app.clock import utc_now
from app.jobs.engine import find_queue
from app.ledger import audit
from app.models.job_template import JobTemplate
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called, Caller
from tests.ledger.rows import all_rows, only_row

TEMPLATES = "/api/v1/templates"
TIDY = {
    "queueName": "cleanup",
    "jobName": "tidy",
    "data": {"type": "old_logs", "olderThan": "14d"},
    "options": {"priority": 5, "delay": 60_000},
}


@pytest.fixture
def operator(
    client: FlaskClient, as_: Called, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Caller:
    """Somebody who acts on queues, on a broker of this test's own."""
    monkeypatch.setenv("QUEUE_PREFIX", f"templates-{request.node.name.encode().hex()[:80]}")
    settings.cache_clear()
    return as_(Role.OPERATOR)


def acts() -> list[tuple[str, str, str | None]]:
    """What was done to what, and why; the oldest first."""
    with db.reading() as session:
        return [(one.action, one.target, one.why) for one in session.scalars(audit.trail())][::-1]


def test_a_template_is_kept_shown_run_changed_and_removed(operator: Caller) -> None:
    """Each run is a job of its own, as the template stands then."""
    kept = operator.put(f"{TEMPLATES}/tidy-up", json={**TIDY, "reason": "each spring"})
    first = operator.post(f"{TEMPLATES}/tidy-up/run", json={"reason": "now"})
    changed = operator.put(f"{TEMPLATES}/tidy-up", json={**TIDY, "data": {"type": "temp_files"}, "options": {}})
    second = operator.post(f"{TEMPLATES}/tidy-up/run")
    shown = operator.get(f"{TEMPLATES}/tidy-up").get_json()["data"]
    removed = operator.delete(f"{TEMPLATES}/tidy-up?reason=enough")

    assert (kept.status_code, changed.status_code, removed.status_code) == (201, 200, 200)
    assert (first.status_code, first.get_json()["data"]["queueName"], second.status_code) == (201, "cleanup", 201)
    assert [(row.name, row.data, row.priority, row.delay_ms) for row in all_rows()] == [
        ("tidy", {"type": "old_logs", "olderThan": "14d", "dryRun": False}, 5, 60_000),
        ("tidy", {"type": "temp_files", "dryRun": False}, 0, 0),
    ]
    assert (shown["data"], shown["options"]) == ({"type": "temp_files"}, {"priority": 0, "delay": 0})
    assert operator.get(TEMPLATES).get_json()["data"] == {"templates": [], "next": None}
    assert [act[:1] + act[2:] for act in acts()] == [
        ("template.kept", "each spring"),
        ("job.added", "template tidy-up: now"),
        ("template.kept", None),
        ("job.added", "template tidy-up"),
        ("template.removed", "enough"),
    ]


@pytest.mark.parametrize(
    ("changed", "status", "fault"),
    [
        (
            {"data": {"type": "everything"}},
            400,
            "data.type: Input should be 'old_logs', 'expired_tokens' or 'temp_files'",
        ),
        ({"data": {}}, 400, "data.type: Field required"),
        ({"queueName": "no-such"}, 404, "no queue named 'no-such'"),
        ({"jobName": "export_data"}, 400, "no job 'export_data' can be added by hand to queue 'cleanup'"),
        ({"options": {"delay": -1}}, 400, "options.delay: must be a whole number of milliseconds"),
    ],
)
def test_what_could_never_run_is_not_kept(operator: Caller, changed: dict[str, Any], status: int, fault: str) -> None:
    """The field is named."""
    answer = operator.put(f"{TEMPLATES}/odd", json={**TIDY, **changed})

    assert answer.status_code == status
    assert answer.get_json()["error"].startswith(fault)
    assert operator.get(f"{TEMPLATES}/odd").get_json()["error"] == "no template 'odd'"


def test_a_template_that_no_longer_fits_says_so_and_adds_nothing(operator: Caller) -> None:
    """A later release knows its queue no more, or wants other data of it."""
    for name, queue, data in (("gone", "no-such", {}), ("old", "cleanup", {"type": "everything"})):
        with db.session() as session:
            fields = {"job_name": "tidy", "priority": 0, "delay_ms": 0, "changed_by": "7", "changed_at": utc_now()}
            session.add(JobTemplate(name=name, queue=queue, data=data, **fields))

    gone, old = (operator.post(f"{TEMPLATES}/{name}/run") for name in ("gone", "old"))

    assert (gone.status_code, gone.get_json()["error"][:24]) == (404, "no queue named 'no-such'")
    assert old.status_code == 400
    assert old.get_json()["error"].startswith("template 'old' no longer fits its job: data.type: Input should be")
    assert all_rows() == []
    assert find_queue("cleanup").count() == 0


def test_a_viewer_sees_templates_and_runs_none(operator: Caller, as_: Called) -> None:
    """Personal fields are hidden from everybody."""
    report = {"publisherId": "p", "reportType": "daily", "date": "2026-01-01", "recipients": ["ada@example.com"]}
    operator.put(f"{TEMPLATES}/mail", json={"queueName": "report-generation", "jobName": "mail", "data": report})
    viewer = as_(Role.VIEWER)

    shown = viewer.get(f"{TEMPLATES}/mail").get_json()["data"]["data"]

    assert shown["recipients"] == ["[redacted]"]
    assert viewer.post(f"{TEMPLATES}/mail/run").status_code == 403
    assert viewer.put(f"{TEMPLATES}/mail", json=TIDY).status_code == 403
    operator.post(f"{TEMPLATES}/mail/run")
    assert only_row().data["recipients"] == ["ada@example.com"]
