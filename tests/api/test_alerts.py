"""What fires now, over the API."""

from __future__ import annotations

from flask.testing import FlaskClient

from app import db
from app.alerts.rule import Finding, Rule, at_once
from app.alerts.state import apply
from app.clock import utc_now
from app.models.user import Role
from tests.api.conftest import Called

ALERTS = "/api/v1/alerts"


def test_a_viewer_sees_what_fires(as_: Called, client: FlaskClient) -> None:
    """With its rule, its figures, and since when; a user does not (C42)."""
    now = utc_now()
    rule = Rule("queue latency", lambda _, __: (), at_once)
    with db.session() as session:
        apply(session, rule, [Finding("user-updates", 400, 300, "the oldest has waited for 400 s")], now)

    replies = [client.get(ALERTS), *(as_(role).get(ALERTS) for role in (Role.USER, Role.VIEWER))]

    (alert,) = replies[2].get_json()["data"]["firing"]
    assert [reply.status_code for reply in replies] == [401, 403, 200]
    assert alert == {
        "rule": "queue latency",
        "subject": "user-updates",
        "state": "firing",
        "value": 400,
        "threshold": 300,
        "text": "the oldest has waited for 400 s",
        "since": now.isoformat(),
        "firedAt": now.isoformat(),
        "resolvedAt": None,
    }
    assert replies[2].get_json()["data"]["recent"] == [alert]
