"""Exports over the API: for a publisher's members and for operators, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import db
from app.broker.queue import Queue
from app.domains.publishers.accounts import add_member
from app.jobs.engine import find_queue
from app.ledger import audit
from app.models.export import Export
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called, Caller
from tests.domains.publishers.conftest import add_publisher
from tests.domains.publishers.events import add
from tests.domains.publishers.exports.conftest import DAY, FIRST, exporting, rollup
from tests.ledger.rows import only_row

EXPORTS = "/api/v1/exports"
WANTED = {"publisherId": "pub-1", "format": "csv", "startDate": "2026-01-01", "endDate": "2026-01-31"}


@pytest.fixture
def queue(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Queue]:
    """The exports' queue, on a broker of this test's own, and a folder for files."""
    monkeypatch.setenv("QUEUE_PREFIX", f"exports-{request.node.name.encode().hex()[:80]}")
    monkeypatch.setenv("EXPORT_DIR", str(tmp_path / "exports"))
    settings.cache_clear()
    yield find_queue("data-export")
    settings.cache_clear()


@pytest.fixture
def member(queue: Queue, as_: Called) -> Caller:
    """A member of pub-1, which has a day of figures; pub-2 is somebody else's."""
    add_publisher()
    add_publisher("pub-2")
    add(rollup(FIRST))
    caller = as_()
    with db.session() as session:
        add_member(session, "pub-1", caller.id)
    return caller


def ask(caller: Caller, **fields: Any) -> dict[str, Any]:
    """What is answered to a request that is accepted."""
    answer = caller.post(EXPORTS, json={**WANTED, **fields})
    assert answer.status_code == 201, answer.get_json()
    found: dict[str, Any] = answer.get_json()["data"]
    return found


def test_an_export_is_asked_for_made_and_downloaded(member: Caller) -> None:
    """Document 003's six steps, by one of the publisher's members."""
    asked = ask(member)
    path = f"{EXPORTS}/{asked['id']}"
    early = member.get(f"{path}/download")
    with exporting():
        pass
    done = member.get(path).get_json()["data"]
    with member.get(f"{path}/download") as file:
        content = file.data.decode()

    assert (asked["status"], asked["jobId"]) == ("pending", only_row().job_id)
    assert asked["jobId"] != asked["id"]
    assert (early.status_code, early.get_json()["error"]) == (
        409,
        f"export '{asked['id']}' is pending: only a completed one can be downloaded",
    )
    assert (done["status"], done["progress"], done["rows"], done["bytes"]) == ("completed", 100, 1, len(content))
    assert content.splitlines()[1].startswith("2026-01-01T00:00:00+00:00,")
    assert file.headers["Content-Disposition"] == "attachment; filename=pub-1-2026-01-01-2026-01-31.csv"
    assert (file.mimetype, file.headers["X-Content-Type-Options"]) == ("text/csv", "nosniff")


def test_what_is_asked_for_is_on_the_trail(member: Caller) -> None:
    """Who, and of which publisher."""
    asked = ask(member, format="json")

    with db.reading() as session:
        acts = [(act.actor, act.target, act.details) for act in session.scalars(audit.trail())]
    assert acts == [(member.id, f"export {asked['id']}", {"publisher": "pub-1", "format": "json"})]


@pytest.mark.parametrize("role", [Role.USER, Role.VIEWER])
def test_anothers_export_is_not_found(member: Caller, as_: Called, role: Role) -> None:
    """Neither seen, nor downloaded, nor asked for; a publisher that is not there answers the same."""
    theirs, other = ask(member)["id"], as_(role)

    answers = [other.get(f"{EXPORTS}/{theirs}{rest}") for rest in ("", "/download")]
    asked = [other.post(EXPORTS, json={**WANTED, "publisherId": key}) for key in ("pub-1", "nobody")]

    assert [answer.status_code for answer in (*answers, *asked)] == [404] * 4
    assert [answer.get_json()["error"] for answer in asked] == ["no publisher 'pub-1'", "no publisher 'nobody'"]
    assert other.get(EXPORTS).get_json()["data"] == {"exports": [], "next": None}
    assert other.get(f"{EXPORTS}?before={theirs}").status_code == 404


def test_an_operator_sees_and_asks_for_every_publishers(member: Caller, as_: Called) -> None:
    """One who is no member of any."""
    operator = as_(Role.OPERATOR)
    mine, theirs = ask(member)["id"], ask(operator, publisherId="pub-2")["id"]

    def ids(query: str = "") -> list[str]:
        return [one["id"] for one in operator.get(EXPORTS + query).get_json()["data"]["exports"]]

    assert set(ids()) == {mine, theirs}
    assert ids("?publisherId=pub-2") == [theirs]
    assert [one["id"] for one in member.get(EXPORTS).get_json()["data"]["exports"]] == [mine]


def test_the_list_goes_on_page_by_page(member: Caller) -> None:
    """The newest first, none twice."""
    made = [ask(member)["id"] for _ in range(3)]

    first = member.get(f"{EXPORTS}?limit=2").get_json()["data"]
    second = member.get(f"{EXPORTS}?limit=2&before={first['next']}").get_json()["data"]

    assert [one["id"] for one in (*first["exports"], *second["exports"])] == made[::-1]
    assert second["next"] is None


def test_an_expired_export_is_gone(member: Caller) -> None:
    """Also when only its file is."""
    ids = [ask(member)["id"] for _ in range(2)]
    with exporting():
        pass
    with db.session() as session:
        row = session.get_one(Export, ids[0])
        row.expires_at -= 8 * DAY
    for file in (settings().export_folder).iterdir():
        file.unlink()

    answers = [member.get(f"{EXPORTS}/{one}/download") for one in ids]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert member.get(f"{EXPORTS}/{ids[0]}").get_json()["data"]["status"] == "expired"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format": "xml"}, "format: Input should be 'csv' or 'json'"),
        ({"startDate": "01/02/2026"}, "startDate: "),
        ({"endDate": "2025-12-31"}, "endDate 2025-12-31 is before startDate 2026-01-01"),
        ({"publisherId": "../../etc"}, "publisherId: "),
        ({"filters": {"country": "ES"}}, "filters.country: Extra inputs are not permitted"),
        ({"filters": {"granularity": "year"}}, "filters.granularity: "),
        ({"filters": {"minImpressions": -1}}, "filters.minImpressions: "),
        ({"path": "/tmp/x"}, "path: Extra inputs are not permitted"),
    ],
)
def test_a_bad_request_names_its_field_and_asks_for_nothing(member: Caller, change: dict[str, Any], error: str) -> None:
    """Neither a row nor a job."""
    answer = member.post(EXPORTS, json={**WANTED, **change})

    assert answer.status_code == 400
    assert error in answer.get_json()["error"]
    assert member.get(EXPORTS).get_json()["data"]["exports"] == []
    assert find_queue("data-export").count() == 0


def test_nobody_is_let_in_without_a_token(client: FlaskClient) -> None:
    """None of the four."""
    calls: list[Callable[[], Any]] = [
        lambda: client.get(EXPORTS),
        lambda: client.post(EXPORTS, json=WANTED),
        lambda: client.get(f"{EXPORTS}/x"),
        lambda: client.get(f"{EXPORTS}/x/download"),
    ]

    assert [call().status_code for call in calls] == [401] * 4
