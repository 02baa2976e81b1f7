"""Whatever is sent, the answer is never a 500."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.api.input import MAX_BODY_BYTES, MAX_DEPTH, BadRequest, parse
from app.models.user import Role
from tests.api.conftest import Called


def nested(levels: int) -> bytes:
    """Lists within lists."""
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "body: not JSON in UTF-8"),
        (b"{", "body: not JSON in UTF-8"),
        (b"\xff\xfe{\x00}\x00", "body: not JSON in UTF-8"),
        (b'"\xed\xa0\x80"', "body: not JSON in UTF-8"),
        (b'{"email": NaN}', "body: not JSON in UTF-8 (NaN is not a number in JSON)"),
        (b"-Infinity", "body: not JSON in UTF-8 (-Infinity is not a number in JSON)"),
        (b'{"email": 1e999}', "email: number out of range"),
        (b"1" * 5_000, "body: not JSON in UTF-8"),
        (b'{"email": "a\\u0000b"}', "email: holds a NUL character or half of a surrogate pair"),
        (b'{"a": {"b": ["\\ud800"]}}', "a.b.0: holds a NUL character"),
        (b'{"\\u0000": 1}', "body (a name): holds a NUL character"),
        (nested(MAX_DEPTH + 1), "body: nested deeper than 20 levels"),
        (nested(32_000), "body: nested deeper than 20 levels"),
    ],
)
def test_an_odd_document_is_a_400_that_says_where(client: FlaskClient, raw: bytes, says: str) -> None:
    """Also in UTF-16, which Python's own parser would take."""
    reply = client.post("/auth/token", data=raw)

    assert (reply.status_code, reply.get_json()["error"][: len(says)]) == (400, says)


def test_a_document_within_the_limits_passes() -> None:
    """Twenty levels, and characters beyond the first plane."""
    assert parse(nested(MAX_DEPTH)) is not None
    assert parse('{"name": "\N{OX}"}'.encode()) == parse(b'{"name": "\\ud83d\\udc02"}') == {"name": "\N{OX}"}


def test_a_body_over_64_kb_is_a_413(client: FlaskClient) -> None:
    """In the shape of every other error."""
    reply = client.post("/auth/token", data=b" " * (MAX_BODY_BYTES + 1))

    assert reply.status_code == 413
    assert reply.get_json()["success"] is False


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/app/job-status/failed?limit=0", "limit: Input should be greater than or equal to 1"),
        ("/app/job-status/failed?limit=1001", "limit: Input should be less than or equal to 1000"),
        ("/app/job-status/failed?limit=ten", "limit: Input should be a valid integer"),
        ("/app/job-status/failed?limit=", "limit: Input should be a valid integer"),
        ("/app/job-status/failed?include=all", "include: Input should be 'partial'"),
        ("/app/job-status/recent?limit=1e3", "limit: Input should be a valid integer"),
        ("/app/job-status/status/job/7?queue=a:b", "queue: String should match"),
        ("/app/users?after=%00", "after: String should match"),
    ],
)
def test_a_bad_query_names_the_parameter(as_: Called, path: str, says: str) -> None:
    """And what would do."""
    reply = as_(Role.VIEWER).get(path)

    assert (reply.status_code, reply.get_json()["error"][: len(says)]) == (400, says)


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/app/users/%00",
        "/app/users/a:b",
        "/app/users/" + "a" * 65,
        "/app/job-status/status/job/%00",
        "/app/job-status/status/job/%ff",
        "/app/job-status/status/job/a:b",
        "/app/job-status/status/job/" + "a" * 300,
        "/app/job-status/status/user/nobody",
    ],
)
def test_what_cannot_exist_is_not_found(as_: Called, path: str) -> None:
    """In the shape of every other error."""
    reply = as_(Role.ADMIN).get(path)

    assert (reply.status_code, reply.get_json()["success"]) == (404, False)


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    """405 with Allow."""
    reply = client.get("/auth/token")

    assert (reply.status_code, set(reply.headers["Allow"].split(", "))) == (405, {"OPTIONS", "POST"})
    assert reply.get_json()["success"] is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@hypothesis_settings(max_examples=200, deadline=None)
@given(raw=st.binary() | JSON.map(lambda document: json.dumps(document).encode()))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    """Nothing else comes out of the parser."""
    try:
        document = parse(raw)
    except BadRequest:
        return

    assert json.loads(raw) == document


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=JSON, field=st.sampled_from(["sellerAccounts", "country", "region", "updateType", "email"]))
def test_no_document_is_a_500(as_: Called, document: object, field: str) -> None:
    """On any route with a body."""
    admin = as_(Role.ADMIN)

    for body in (document, {field: document}, {"sellerAccounts": [{"country": document, "region": "NA"}]}):
        raw = json.dumps(body)
        replies = [
            admin.post("/app/users", data=raw),
            admin.put("/app/jobs/user/update-accounts", data=raw),
            admin.post("/app/jobs/user/manual-update", data=raw),
        ]
        assert all(reply.status_code < 500 for reply in replies), [reply.text for reply in replies]
