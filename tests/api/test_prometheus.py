"""/metrics is for whoever has its token or, without one, for this machine alone (CONTRACTS C42)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called

FROM_AFAR = {"REMOTE_ADDR": "203.0.113.9"}
TOKEN = "scrape-" + "x" * 32


@pytest.fixture
def token(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> str:
    """METRICS_TOKEN is set."""
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    settings.cache_clear()
    return TOKEN


def test_prometheus_gets_its_text(client: FlaskClient) -> None:
    """Version 0.0.4, from this machine without a token."""
    reply = client.get("/metrics")

    assert (reply.status_code, reply.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "# TYPE jobExecutionTime histogram" in reply.text
    assert 'toril_metrics_up{part="ledger"} 1.0' in reply.text


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_may_ask_by_any_of_its_names(client: FlaskClient, address: str) -> None:
    """Loopback is a network."""
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 200


@pytest.mark.parametrize("address", ["203.0.113.9", "10.0.0.1", "169.254.169.254", "::2", "", "localhost"])
def test_another_machine_may_not(client: FlaskClient, address: str) -> None:
    """Without a token to send."""
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 401


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
def test_what_a_proxy_on_this_machine_passes_on_is_not_from_here(client: FlaskClient, header: str) -> None:
    """Whatever it says."""
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 401


def test_the_token_opens_from_anywhere(client: FlaskClient, token: str) -> None:
    """As Prometheus sends it: authorization.credentials."""
    reply = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}, environ_base=FROM_AFAR)

    assert reply.status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \u00e9"])
def test_nothing_else_does_once_there_is_one(client: FlaskClient, token: str, header: str) -> None:
    """Nor being on this machine."""
    reply = client.get("/metrics", headers={"Authorization": header})

    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, 'Bearer realm="toril"')


def test_an_administrators_token_is_not_prometheus(as_: Called, token: str) -> None:
    """A secret in Prometheus' configuration opens nothing else, and the other way round."""
    assert as_(Role.ADMIN).get("/metrics").status_code == 401
