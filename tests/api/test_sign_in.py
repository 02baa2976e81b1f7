"""A password gives a token; nothing else does, and a refusal says nothing about who exists."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from app import db
from app.domains.accounts.users import remove
from app.models.user import Role
from tests.api.conftest import PASSWORD, Called


def test_the_right_password_gives_a_token_that_opens(client: FlaskClient, as_: Called) -> None:
    """With the address in any case."""
    as_(email="ada@example.com")

    reply = client.post("/auth/token", json={"email": "Ada@Example.com", "password": PASSWORD})

    assert reply.status_code == 200
    data = reply.get_json()["data"]
    assert (data["tokenType"], data["expiresIn"], data["role"]) == ("Bearer", 3600, "user")
    opened = client.get("/app/jobs/user/schedule", headers={"Authorization": f"Bearer {data['token']}"})
    assert opened.status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [("ada@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("no address", PASSWORD), ("", "")],
)
def test_every_other_pair_gets_the_same_answer(client: FlaskClient, as_: Called, email: str, password: str) -> None:
    """So that nobody learns which addresses are ours."""
    as_(email="ada@example.com")

    reply = client.post("/auth/token", json={"email": email, "password": password})

    assert (reply.status_code, reply.get_json()) == (
        401,
        {"success": False, "error": "e-mail or password is wrong"},
    )


def test_a_removed_users_token_opens_nothing(client: FlaskClient, as_: Called) -> None:
    """Though it has not expired."""
    ada = as_()
    with db.session() as session:
        remove(session, ada.id)

    reply = ada.get("/app/jobs/user/schedule")

    assert (reply.status_code, reply.get_json()["error"]) == (401, "the token's user is gone")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "bearer \u00e9"])
def test_every_route_but_the_open_ones_asks_for_a_token(client: FlaskClient, header: str | None) -> None:
    """CONTRACTS C42: found by walking the routes, so that a new one cannot be forgotten."""
    headers = {} if header is None else {"Authorization": header}
    routes = [
        (method, re.sub("<[^>]+>", "7", rule.rule))
        for rule in client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS"}
    ]

    answers = {(method, path): client.open(path, method=method, headers=headers).status_code for method, path in routes}

    open_to_all = {route for route, status in answers.items() if status != 401}
    shown = ("/health", "/health/jobs", "/openapi.json", "/docs", "/docs/static/7", "/metrics")  # the last from here
    assert open_to_all == {*((method, path) for method in ("GET", "HEAD") for path in shown), ("POST", "/auth/token")}
    assert answers["POST", "/auth/token"] == 400


@pytest.mark.parametrize("role", [Role.USER, Role.VIEWER, Role.OPERATOR])
def test_users_are_changed_by_admins_only(as_: Called, role: Role) -> None:
    """403 names the role it takes."""
    caller = as_(role)

    replies = [
        caller.post("/app/users", json={"email": "eve@example.com", "password": PASSWORD, "role": "admin"}),
        caller.post(f"/app/users/{caller.id}/verify"),
        caller.delete(f"/app/users/{caller.id}"),
    ]

    assert [reply.status_code for reply in replies] == [403] * 3
    assert replies[0].get_json()["error"] == f"this needs the role 'admin'; yours is '{role}'"
