"""While Redis or the database is away the API says so, and goes on by itself when they are back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app import db
from app.auth.tokens import issue
from app.domains.accounts.users import register
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import HASH, Called
from tests.servers import free_port, redis_server, wait_for

ROOT = Path(__file__).parents[2]
AWAY = {"success": False, "error": "Redis cannot be used now; try again in 5 s"}


@contextmanager
def gunicorn(directory: Path, environment: dict[str, str]) -> Iterator[str]:
    """The API as it is served, for the length of the block; gives its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    served_by = Path(sys.executable).with_name("gunicorn")
    command = [str(served_by), "-c", str(ROOT / "gunicorn.conf.py"), "app.wsgi:application"]
    with (directory / "gunicorn.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=directory, env=os.environ | environment | {"WEB_PORT": str(port)}, stdout=log, stderr=log
        )
        try:
            wait_for(lambda: _status(f"{url}/health"), "gunicorn to answer")
            yield url
        finally:
            server.terminate()
            server.wait(20)


def _status(url: str) -> int:
    try:
        return requests.get(url, timeout=5).status_code
    except requests.ConnectionError:
        return 0


def test_redis_goes_and_comes_back_under_gunicorn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_database: Engine
) -> None:
    """503 with Retry-After meanwhile; a job that was accepted before is still there after."""
    monkeypatch.setenv("TORIL_VAR", str(tmp_path))
    settings.cache_clear()
    with db.session() as session:
        ada = register(session, "ada@example.com", HASH, Role.VIEWER)
    caller = {"Authorization": f"Bearer {issue(ada)}"}
    redis_directory = tmp_path / "redis"
    redis_directory.mkdir()

    with redis_server(redis_directory) as redis:
        environment = {"REDIS_URL": redis.url.rpartition("/")[0], "TORIL_VAR": str(tmp_path)}
        with gunicorn(tmp_path, environment) as url, requests.Session() as web:
            update, stats = f"{url}/app/jobs/user/manual-update", f"{url}/app/job-status/queue/stats"
            accepted = web.post(update, headers=caller, json={"updateType": "daily"}, timeout=20)

            redis.kill()
            refused = [web.get(stats, headers=caller, timeout=20), web.get(f"{url}/health", timeout=20)]
            still_answered = web.get(f"{url}/app/job-status/recent", headers=caller, timeout=20)

            redis.start()
            wait_for(lambda: _status(f"{url}/health") == 200, "the API to find Redis again")
            again = web.post(update, headers=caller, json={"updateType": "daily"}, timeout=20)
            too_long = web.post(f"{url}/auth/token", data=iter([b" " * 1024] * 65), timeout=20)

    assert (accepted.status_code, still_answered.status_code, again.status_code) == (202, 200, 202)
    assert [reply.status_code for reply in refused] == [503, 503]
    assert too_long.status_code == 413  # in chunks, without a length beforehand
    assert (refused[0].headers["Retry-After"], refused[0].json()) == ("5", AWAY)
    assert refused[1].json()["services"]["queues"] == "down"


def test_without_the_database_every_route_says_so(
    as_: Called, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens where PostgreSQL should be."""
    ada = as_()
    monkeypatch.setenv("DATABASE_URL", f"postgresql+psycopg://toril@127.0.0.1:{free_port()}/toril")
    settings.cache_clear()
    db.engine.cache_clear()

    replies = [
        ada.get("/app/jobs/user/schedule"),
        client.post("/auth/token", json={"email": "ada@example.com", "password": "x"}),
    ]

    assert [(reply.status_code, reply.headers["Retry-After"]) for reply in replies] == [(503, "5")] * 2
    assert replies[0].get_json()["error"] == "the database cannot be used now; try again in 5 s"
    assert client.get("/health").get_json()["services"]["postgres"] == "down"


def test_an_error_of_ours_says_nothing_of_its_inside(as_: Called, client: FlaskClient) -> None:
    """500 in the shape of every other error, and the reason in the log."""

    @client.application.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret detail")

    reply = client.get("/broken")

    assert (reply.status_code, reply.get_json()["success"]) == (500, False)
    assert "secret" not in reply.text
