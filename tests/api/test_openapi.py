"""The document says of every route what it takes and answers, and nobody keeps it by hand."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

import pytest
from flask import Flask
from flask.testing import FlaskClient

import app.api
from app.api.application import create_app
from app.api.contract import Contract
from app.api.errors import STATUSES
from app.api.openapi import document, operations
from app.models.user import Role

API = Path(app.api.__file__).parent
READERS = {"read_body", "read_optional_body", "read_query"}
ROUTES = [
    pytest.param(rule, method, contract, id=f"{method} {rule.rule}")
    for rule, method, contract in operations(create_app())
]


@pytest.mark.parametrize(("rule", "method", "contract"), ROUTES)
def test_a_route_is_described(rule: Any, method: str, contract: Contract) -> None:
    """In a sentence, with the shape of its answer: ``-> Reply`` would say nothing."""
    assert contract.summary.endswith(".")
    assert contract.answers
    assert not any(get_origin(answer) is Mapping for answer in contract.answers), "say Answer[…] or Plain[…], not Reply"
    assert contract.statuses


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    """Of a module, also nested ones."""
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


def test_only_views_read_what_was_sent() -> None:
    """Else the document would not see it: a view's contract is read off the view."""
    elsewhere = [
        f"{path.name}: {function.name}"
        for path in sorted(API.glob("*.py"))
        if path.name != "input.py"
        for function in functions(path)
        if any(isinstance(node, ast.Call) and ast.unparse(node.func) in READERS for node in ast.walk(function))
        and not any("bp." in ast.unparse(decorator) for decorator in function.decorator_list)
    ]

    assert elsewhere == []


def test_the_document_is_what_a_route_says(client: FlaskClient) -> None:
    """One route, written out by hand."""
    served = client.get("/openapi.json").get_json()

    assert served["openapi"] == "3.1.0"
    clean = served["paths"]["/api/v1/queues/{queue_name}/clean"]["post"]
    assert clean["summary"] == (
        "Remove the jobs that completed or failed longer ago than `gracePeriod`, in seconds (S3-14)."
    )
    assert clean["description"] == "Needs the role operator."
    assert clean["security"] == [{"token": []}]
    assert clean["requestBody"] == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Clean"}}},
    }
    grace = served["components"]["schemas"]["Clean"]["properties"]["gracePeriod"]
    assert (grace["type"], grace["minimum"], grace["maximum"]) == ("integer", 0, 316_224_000)
    assert list(clean["responses"]) == ["200", "400", "401", "403", "404", "409", "413", "503"]
    assert served["paths"]["/health"]["get"]["security"] == []
    assert "#/components/schemas/Health" in json.dumps(served["paths"]["/health"]["get"]["responses"]["503"])


def test_every_reference_leads_somewhere() -> None:
    """And every path has its parameters."""
    whole = document(create_app())

    text = json.dumps(whole)
    for reference in re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', text):
        assert reference in whole["components"]["schemas"]
    for path, methods in whole["paths"].items():
        for operation in methods.values():
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def test_every_error_of_the_table_can_be_answered_somewhere() -> None:
    """A status that no route documents would be one that nobody expects."""
    documented = {
        int(status)
        for methods in document(create_app())["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
    }

    assert set(STATUSES.values()) <= documented


def test_a_new_route_is_in_the_document_without_a_word() -> None:
    """Nothing is listed by hand: what the application has is what it says."""
    flask = create_app()
    extra = Flask("toril").url_rule_class("/app/users/<key:user_id>/twin", endpoint="users.show", methods=["GET"])

    flask.url_map.add(extra)

    assert "/app/users/{user_id}/twin" in document(flask)["paths"]


def test_the_page_has_every_route_and_nothing_that_its_policy_refuses(client: FlaskClient) -> None:
    """No script, no style within, nothing from elsewhere."""
    reply = client.get("/docs")

    assert reply.status_code == 200
    for methods in document(client.application)["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in reply.text
    assert "default-src 'none'; style-src 'self'" in reply.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://", reply.text)
    [sheet] = re.findall(r'<link rel="stylesheet" href="([^"]+)">', reply.text)
    with client.get(sheet) as style:
        assert style.mimetype == "text/css"


def test_roles_stand_in_the_document() -> None:
    """What `requires` asks, in words."""
    paths = document(create_app())["paths"]

    assert paths["/app/users"]["post"]["description"].endswith(f"Needs the role {Role.ADMIN.value}.")
    assert paths["/auth/token"]["post"]["description"] == "Open to all."
