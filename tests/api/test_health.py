"""/health says what answers, to anybody, in one shape."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.api.application import create_app
from app.settings import settings
from tests.servers import free_port


def test_all_is_up(client: FlaskClient) -> None:
    """CONTRACTS S3-19, C40: without a token and without an envelope."""
    reply = client.get("/health")

    assert (reply.status_code, reply.get_json()) == (
        200,
        {"status": "healthy", "services": {"sqlite": "up", "redis": "up", "queues": "up"}},
    )


def test_the_database_goes_by_its_kind(machine: None, database: Engine) -> None:
    """`postgres` on PostgreSQL, `sqlite` otherwise."""
    name = "postgres" if database.dialect.name == "postgresql" else "sqlite"

    with create_app().test_client() as client:
        assert client.get("/health").get_json()["services"][name] == "up"


@pytest.mark.parametrize(
    ("variable", "down"),
    [
        ("CACHE_REDIS_URL", {"sqlite": "up", "redis": "down", "queues": "up"}),
        ("QUEUE_REDIS_URL", {"sqlite": "up", "redis": "up", "queues": "down"}),
    ],
)
def test_what_is_away_is_down(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, variable: str, down: dict[str, str]
) -> None:
    """503 in the same shape."""
    monkeypatch.setenv(variable, f"redis://127.0.0.1:{free_port()}/0")
    settings.cache_clear()

    reply = client.get("/health")

    assert (reply.status_code, reply.get_json()) == (503, {"status": "unhealthy", "services": down})
