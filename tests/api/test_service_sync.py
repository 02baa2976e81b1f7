"""/api/v1/sync: syncs by hand, the queue's counts, and hosting services in an administrator's hands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app import db
from app.jobs.catalog import SERVICE_SYNC
from app.jobs.engine import find_queue
from app.ledger import audit
from app.models.hosting_service import HostingService
from app.models.service_log import ServiceLog
from app.models.user import Role
from tests.api.conftest import Called, Caller
from tests.domains.service_sync.conftest import NINE
from tests.ledger.rows import all_rows

SYNC = "/api/v1/sync"
NEW = {"name": "One", "statusUrl": "https://status.example/one", "apiKey": "s3cret"}


@pytest.fixture
def admin(as_: Called) -> Caller:
    """An administrator."""
    return as_(Role.ADMIN)


@pytest.fixture
def operator(as_: Called) -> Caller:
    """Somebody who acts on queues."""
    return as_(Role.OPERATOR)


def add(admin: Caller, **said: Any) -> str:
    """A service; returns its id."""
    reply = admin.post(f"{SYNC}/services", json={**NEW, **said})
    return str(reply.get_json()["data"]["id"])


def test_all_services_are_synced_by_hand(admin: Caller, operator: Caller) -> None:
    """S1-7: a job each, under an id that says what it is."""
    services = {add(admin), add(admin)}
    add(admin, isActive=False)
    add(admin, isShared=False)

    reply = operator.post(f"{SYNC}/all", json={"reason": "after the outage"})

    data = reply.get_json()["data"]
    assert (reply.status_code, data["jobs"]) == (202, 2)
    assert sorted(row.job_id for row in all_rows()) == sorted(data["jobIds"])
    assert {row.data["service_id"] for row in all_rows()} == services
    assert all(row.job_id.startswith(f"sync-{row.data['service_id']}-") for row in all_rows())


def test_one_service_is_synced_by_hand_at_once(admin: Caller, operator: Caller) -> None:
    """S1-8: also one that is not shared; unknown is 404, inactive 409, and nothing is added for them."""
    own, inactive = add(admin, isShared=False), add(admin, isActive=False)

    started = operator.post(f"{SYNC}/service/{own}")
    refused = [operator.post(f"{SYNC}/service/{service}") for service in ("nobody", inactive)]

    (row,) = all_rows()
    assert (started.status_code, started.get_json()["data"]) == (202, {"jobId": row.job_id, "serviceId": own})
    assert (row.queue, row.delay_ms, row.attempts) == (SERVICE_SYNC, 0, 4)
    assert [reply.status_code for reply in refused] == [404, 409]
    assert [reply.get_json()["error"] for reply in refused] == [
        "no hosting service 'nobody'",
        f"hosting service '{inactive}' is inactive; activate it first",
    ]


def test_the_counts_are_those_of_every_other_prefix(admin: Caller, operator: Caller) -> None:
    """S1-9 with C3: waiting, active, completed, failed, and the delayed ones."""
    service = add(admin)
    operator.post(f"{SYNC}/all")
    operator.post(f"{SYNC}/service/{add(admin, isShared=False)}")
    find_queue(SERVICE_SYNC).add("anything", {"service_id": service}, priority=4)

    here = operator.get(f"{SYNC}/status").get_json()
    there = operator.get("/api/v1/queues/service:sync/metrics").get_json()

    assert (
        here
        == there
        == {
            "success": True,
            "data": {"waiting": 2, "active": 0, "completed": 0, "failed": 0, "delayed": 1},
        }
    )


def test_every_route_needs_a_token_and_the_right_role(client: Any, as_: Called, operator: Caller) -> None:
    """S1-12: viewers read, operators sync, administrators keep services."""
    routes = [("post", "/all"), ("post", "/service/x"), ("get", "/status"), ("get", "/services"), ("post", "/services")]
    viewer, user = as_(Role.VIEWER), as_()

    assert [client.open(f"{SYNC}{path}", method=how).status_code for how, path in routes] == [401] * 5
    assert [getattr(user, how)(f"{SYNC}{path}").status_code for how, path in routes] == [403] * 5
    assert [viewer.get(f"{SYNC}/status").status_code, viewer.get(f"{SYNC}/services").status_code] == [200, 200]
    assert [viewer.post(f"{SYNC}/all").status_code, operator.post(f"{SYNC}/services", json=NEW).status_code] == [
        403,
        403,
    ]


def test_a_service_is_added_listed_changed_and_removed_and_its_key_never_shown(admin: Caller) -> None:
    """Not in any answer, not on the trail; a URL's query may hold one, too."""
    url = f"{NEW['statusUrl']}?token=s3cret-too"
    made = admin.post(f"{SYNC}/services", json={**NEW, "statusUrl": url})
    one = f"{SYNC}/services/{made.get_json()['data']['id']}"
    changed = admin.patch(one, json={"name": "Uno", "apiKey": "s3cret-again", "isActive": False})
    listed = admin.get(f"{SYNC}/services")
    removed = admin.delete(f"{one}?reason=moved")

    with db.reading() as session:
        trail = [(act.action, act.why, act.details) for act in reversed(session.scalars(audit.trail()).all())]
        assert session.query(HostingService).count() == 0
    assert made.status_code == 201
    assert made.get_json()["data"] | {"id": "", "changedAt": ""} == {
        "id": "",
        "name": "One",
        "statusUrl": "https://status.example/one?…",
        "hasApiKey": True,
        "isShared": True,
        "isActive": True,
        "changedAt": "",
    }
    assert (changed.get_json()["data"]["name"], changed.get_json()["data"]["isActive"]) == ("Uno", False)
    assert (removed.status_code, admin.get(one).status_code) == (200, 404)
    assert [action for action, _, _ in trail] == ["service.added", "service.changed", "service.removed"]
    told = json.dumps([trail, *(reply.get_json() for reply in (made, changed, listed))])
    assert "s3cret" not in told


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"statusUrl": "ftp://x.example/"}, "statusUrl: Value error, 'ftp://x.example/': only http and https"),
        ({"statusUrl": "https://user@x.example/"}, "statusUrl: Value error, a URL with a user"),
        ({"statusUrl": ""}, "statusUrl: "),
        ({"name": ""}, "name: "),
        ({"apiKey": "two words"}, "apiKey: "),
        ({"isActive": "yes"}, "isActive: "),
        ({"key": "x"}, "key: "),
    ],
)
def test_a_bad_field_is_refused_by_its_name(admin: Caller, said: dict[str, Any], error: str) -> None:
    """And no service is left behind; nor does a change lose anything."""
    standing = add(admin)
    made = admin.post(f"{SYNC}/services", json={**NEW, **said})
    changed = admin.patch(f"{SYNC}/services/{standing}", json=said)

    assert [reply.status_code for reply in (made, changed)] == [400, 400]
    assert made.get_json()["error"].startswith(error)
    assert changed.get_json()["error"].startswith(error)
    (left,) = admin.get(f"{SYNC}/services").get_json()["data"]
    assert (left["name"], left["statusUrl"]) == ("One", NEW["statusUrl"])


def test_a_services_records_are_read_page_by_page(admin: Caller) -> None:
    """Those that came last first."""
    service = add(admin)
    with db.session() as session:
        for number in range(3):
            record = {"record_id": f"r{number}", "at": NINE, "status": "up", "job_id": "7", "seen_at": NINE}
            session.add(ServiceLog(service_id=service, **record))
            session.flush()

    logs = f"{SYNC}/services/{service}/logs?limit=2"
    first = admin.get(logs).get_json()["data"]
    second = admin.get(f"{logs}&before={first['next']}").get_json()["data"]

    assert [one["recordId"] for one in first["logs"]] == ["r2", "r1"]
    assert ([one["recordId"] for one in second["logs"]], second["next"]) == (["r0"], None)
    assert admin.get(f"{SYNC}/services/nobody/logs").status_code == 404
