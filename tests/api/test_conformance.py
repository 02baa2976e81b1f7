"""What the API answers is what its document says, whatever is sent and whoever sends it (faults 22)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from flask.testing import FlaskClient
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from app import db
from app.api.application import create_app
from app.api.openapi import operations
from app.clock import utc_now
from app.crontab import entries
from app.crontab.sessions import create_session
from app.domains.accounts import users
from app.jobs.user_updates import enqueue_user
from app.models.user import Role
from tests.api.conforming import conform, schema_of
from tests.api.conftest import Called

Calls = list[tuple[str, APIOperation[Any, Any, Any, Any]]]

TAGS = sorted({rule.endpoint.partition(".")[0] for rule, _, _ in operations(create_app())})


@pytest.fixture
def known(client: FlaskClient, as_: Called) -> dict[str, Any]:
    """Something of each kind that a path can name."""
    ada, at = as_(), utc_now()
    with db.session() as session:
        users.verify(session, ada.id)
        entries.sync(session, at)
        session_id = create_session(session, "syncWebUrls", at, at, job_id="7")
    return {
        "user_id": ada.id,
        "queue_name": "user-updates",
        "job_id": enqueue_user(ada.id),
        "job_name": "syncWebUrls",
        "session_id": session_id,
    }


@pytest.fixture(scope="module")
def calls() -> Calls:
    """Every operation of the document, with its prefix's name."""
    found = [operation.ok() for operation in schema_of(create_app()).get_all_operations() if isinstance(operation, Ok)]
    return [(operation.definition.raw["tags"][0], operation) for operation in found]


def test_no_documented_answer_is_without_end(calls: Calls) -> None:
    """Whoever reads a stream of events to its end waits for ever: the pages have one, and the API none."""
    kinds = {
        kind
        for _, operation in calls
        for answer in operation.definition.raw["responses"].values()
        for kind in answer.get("content", {})
    }

    assert "application/json" in kinds
    assert "text/event-stream" not in kinds


@pytest.mark.timeout(60)
@pytest.mark.parametrize("tag", TAGS)
def test_a_prefix_answers_as_it_is_documented(calls: Calls, as_: Called, known: dict[str, Any], tag: str) -> None:
    """As an administrator, and as each other role in turn."""
    admin, *others = [as_(role).token for role in (Role.ADMIN, Role.USER, Role.VIEWER, Role.OPERATOR)]

    for number, operation in enumerate(operation for its, operation in calls if its == tag):
        conform(operation, [admin, others[number % 3]], known, examples=1)


@pytest.mark.long
def test_five_thousand_calls_are_answered_as_documented(calls: Calls, as_: Called, known: dict[str, Any]) -> None:
    """By each role; 5xx and undocumented statuses: none."""
    tokens = [as_(role).token for role in Role]
    answered: Counter[int] = Counter()

    for _, operation in calls:
        answered += conform(operation, tokens, known, examples=16)

    shown = ", ".join(f"{count} x {status}" for status, count in sorted(answered.items()))
    print(f"\nschemathesis: {answered.total()} calls of {len(calls)} operations: {shown}; undocumented 0")  # noqa: T201
    assert answered.total() >= 5_000
    assert max(answered) < 500
