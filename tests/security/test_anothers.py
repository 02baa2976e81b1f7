"""What is another's is not there, on any route (faults 24)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app import db
from app.api.application import create_app
from app.api.openapi import operations
from app.domains.accounts.sellers import Seller, put_account
from app.domains.accounts.users import verify
from app.domains.publishers.accounts import add_member, create
from app.jobs.user_updates import enqueue_user
from app.models.publisher import Publisher
from app.models.user import Role
from tests.api.conftest import Called, Caller

#: Routes that a user may call, with something in their path that may be another's.
OPEN_TO_USERS = [
    (rule, method)
    for rule, method, contract in operations(create_app())
    if contract.role is Role.USER and rule.arguments
]


@pytest.fixture
def ada(as_: Called) -> Caller:
    """Somebody with an account, a publisher and a job."""
    ada = as_()
    with db.session() as session:
        create(session, Publisher(id="gazette", name="Gazette", timezone="UTC", currency="USD"))
        add_member(session, "gazette", ada.id)
        put_account(session, ada.id, Seller("US", "NA", "ADA", "1", "secret"))
        verify(session, ada.id)
    return ada


@pytest.fixture
def hers(ada: Caller) -> dict[str, str]:
    """What a path can name of her. A new kind of thing belongs here."""
    days = {"startDate": "2026-01-01", "endDate": "2026-01-31"}
    export = ada.post("/api/v1/exports", json={"publisherId": "gazette", "format": "csv", **days}).get_json()["data"]
    wanted = {"publisherId": "gazette", "reportType": "daily", "date": "2026-01-01"}
    report = ada.post("/api/v1/reports", json=wanted).get_json()["data"]
    made = {"export_id": export["id"], "report_id": report["id"]}
    figures = {"publisher_id": "gazette", "metric_type": "revenue"}
    return {"user_id": ada.id, "job_id": enqueue_user(ada.id), **made, **figures}


def path_of(rule: Any, things: dict[str, str]) -> str:
    """The rule's path with those things in it."""
    with create_app().test_request_context() as context:
        assert context.url_adapter is not None
        return context.url_adapter.build(rule.endpoint, {name: things[name] for name in rule.arguments})


@pytest.mark.parametrize(("rule", "method"), OPEN_TO_USERS, ids=[f"{method} {rule}" for rule, method in OPEN_TO_USERS])
def test_anothers_thing_is_not_found(as_: Called, ada: Caller, hers: dict[str, str], rule: Any, method: str) -> None:
    """404, word for word as for what nobody has; its owner and an operator are told what may be done, and how."""
    bob, operator = as_(), as_(Role.OPERATOR)
    path, nobodys = path_of(rule, hers), path_of(rule, dict.fromkeys(hers, "nobody"))

    others, none = bob._call(method, path), bob._call(method, nobodys)

    said = others.text
    for name in rule.arguments:
        said = said.replace(hers[name], "nobody")
    assert (others.status_code, none.status_code, said) == (404, 404, none.text)
    assert ada._call(method, path).status_code == operator._call(method, path).status_code
    assert ada._call(method, path).status_code in (200, 400, 409)


def test_lists_hold_ones_own(as_: Called, ada: Caller, hers: dict[str, str]) -> None:
    """The newest and the failed jobs, and the schedule."""
    bob = as_()
    his = enqueue_user(bob.id)

    shown = [bob.get(path).get_json()["data"] for path in ("/app/job-status/recent", "/app/job-status/failed")]

    assert [[job["jobId"] for job in page] for page in shown] == [[his], []]
    assert bob.get("/app/jobs/user/schedule").get_json()["data"]["sellerAccounts"] == []


def test_an_account_of_another_is_not_refreshed(as_: Called, ada: Caller) -> None:
    """By its country one's own is meant, always."""
    reply = as_().post("/app/jobs/user/manual-update", json={"country": "US", "region": "NA"})

    assert reply.status_code == 404


@pytest.mark.parametrize("role", [Role.USER, Role.VIEWER, Role.OPERATOR, Role.ADMIN])
def test_every_route_asks_for_its_role(client: FlaskClient, as_: Called, role: Role) -> None:
    """403 on each that needs more, whatever it is sent."""
    caller = as_(role)
    too_much = [
        (rule, method)
        for rule, method, one in operations(client.application)
        if one.role and not role.includes(one.role)
    ]

    opened = [
        (method, rule.rule)
        for rule, method in too_much
        if caller._call(method, path_of(rule, dict.fromkeys(rule.arguments, "7"))).status_code != 403
    ]

    assert opened == []
    assert bool(too_much) is (role is not Role.ADMIN)
