"""Reports over the API: for a publisher's members and for operators, and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dramatiq import Worker
from flask.testing import FlaskClient

from app import db
from app.broker.queue import Queue
from app.domains.publishers.accounts import add_member
from app.domains.publishers.reports.make import generate_report
from app.jobs.actor import actor
from app.jobs.catalog import GENERATE_REPORT
from app.jobs.engine import broker, find_queue
from app.jobs.payloads import GenerateReport
from app.settings import settings
from tests.api.conftest import Called, Caller
from tests.domains.publishers.conftest import add_publisher
from tests.ledger.rows import only_row
from tests.servers import wait_for

REPORTS = "/api/v1/reports"
WANTED = {"publisherId": "pub-1", "reportType": "weekly", "date": "2026-01-07", "recipients": ["board@example.com"]}


@pytest.fixture
def queue(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Queue]:
    """The reports' queue, on a broker of this test's own, and a folder for files."""
    monkeypatch.setenv("QUEUE_PREFIX", f"reports-{request.node.name.encode().hex()[:80]}")
    monkeypatch.setenv("EXPORT_DIR", str(tmp_path / "exports"))
    settings.cache_clear()
    yield find_queue("report-generation")
    settings.cache_clear()


@pytest.fixture
def member(queue: Queue, as_: Called) -> Caller:
    """A member of pub-1; pub-2 is somebody else's."""
    add_publisher()
    add_publisher("pub-2")
    caller = as_()
    with db.session() as session:
        add_member(session, "pub-1", caller.id)
    return caller


def make() -> None:
    """By a worker, until the only job has ended."""
    actor(GENERATE_REPORT)(lambda **asked: generate_report(GenerateReport(**asked)))
    worker = Worker(broker(), queues={"report-generation"}, worker_threads=2, worker_timeout=50)
    worker.start()
    wait_for(lambda: only_row().settled_at, "the report to end")
    worker.stop()


def test_a_report_is_asked_for_made_and_downloaded(member: Caller) -> None:
    """Its address list is shown to nobody."""
    asked = member.post(REPORTS, json=WANTED)
    path = f"{REPORTS}/{asked.get_json()['data']['id']}"
    early = member.get(f"{path}/download")
    make()
    done = member.get(path).get_json()["data"]
    with member.get(f"{path}/download") as pdf, member.get(f"{path}/download?format=html") as page:
        files = [(one.mimetype, one.headers["Content-Disposition"], one.data[:5]) for one in (pdf, page)]

    assert (asked.status_code, asked.get_json()["data"]["status"]) == (201, "pending")
    assert (early.status_code, "is pending" in early.get_json()["error"]) == (409, True)
    assert (done["status"], done["reportType"], done["date"], done["mailed"]) == (
        "completed",
        "weekly",
        "2026-01-07",
        0,
    )
    assert files == [
        ("application/pdf", "attachment; filename=pub-1-weekly-2026-01-07.pdf", b"%PDF-"),
        ("text/html", "attachment; filename=pub-1-weekly-2026-01-07.html", b"<!doc"),
    ]
    assert "board" not in str(done)


@pytest.mark.parametrize(
    ("changed", "status", "fault"),
    [
        ({"reportType": "yearly"}, 400, "reportType: Input should be 'daily', 'weekly' or 'monthly'"),
        ({"date": "soon"}, 400, "date: Value error, not a date: 'soon'"),
        ({"recipients": ["ada"]}, 400, "recipients.0: Value error, not an e-mail address"),
        ({"recipients": []}, 400, "recipients: List should have at least 1 item"),
        (
            {"recipients": [f"a{n}@example.com" for n in range(21)]},
            400,
            "recipients: List should have at most 20 items",
        ),
        ({"publisherId": "pub-2"}, 404, "no publisher 'pub-2'"),
        ({"odd": 1}, 400, "odd: Extra inputs are not permitted"),
    ],
)
def test_a_bad_request_names_its_field_and_leaves_nothing(
    member: Caller, changed: dict[str, Any], status: int, fault: str
) -> None:
    """No row, no job."""
    answer = member.post(REPORTS, json={**WANTED, **changed})

    assert answer.status_code == status
    assert answer.get_json()["error"].startswith(fault)
    assert member.get(REPORTS).get_json()["data"] == {"reports": [], "next": None}
    assert find_queue("report-generation").count() == 0
