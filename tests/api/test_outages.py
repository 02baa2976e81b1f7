"""While Redis or the database is away the API says so, and goes on by itself when they are back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import Engine, create_engine, text

from app import db, embedded_redis
from app.api.application import create_app
from app.api.errors import outage_of
from app.auth.tokens import issue
from app.broker.connection import connect
from app.domains.accounts.users import register
from app.migrations.run import upgrade
from app.models.user import Role
from app.settings import settings
from tests.afresh import start_afresh
from tests.api.conftest import HASH, Called
from tests.postgres import postgres_server
from tests.servers import RedisServer, free_port, redis_server, wait_for
from tests.web import gunicorn

AWAY = {"success": False, "error": "the queue Redis cannot be reached; try again in 5 s"}


def _status(url: str) -> int:
    try:
        return requests.get(url, timeout=5).status_code
    except (requests.ConnectionError, requests.Timeout):
        return 0


@pytest.fixture
def api() -> Flask:
    """One of each test's own, to which it may add routes."""
    return create_app()


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
        with gunicorn(tmp_path, environment) as served, requests.Session() as web:
            url = served.url
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
    start_afresh()

    replies = [
        ada.get("/app/jobs/user/schedule"),
        client.post("/auth/token", json={"email": "ada@example.com", "password": "x"}),
    ]

    assert [(reply.status_code, reply.headers["Retry-After"]) for reply in replies] == [(503, "5")] * 2
    assert replies[0].get_json()["error"] == "the database cannot be used; try again in 5 s"
    assert client.get("/health").get_json()["services"]["postgres"] == "down"


Harm = Callable[[RedisServer], None]


def _command(*words: str) -> Harm:
    def send(server: RedisServer) -> None:
        with Redis.from_url(server.url) as client:
            client.execute_command(*words)

    return send


def _load_slowly(server: RedisServer) -> None:
    """Restart it on a file that takes it seconds to load; it answers meanwhile, every 1,024 commands."""
    with Redis.from_url(server.url) as client, client.pipeline(transaction=False) as pipe:
        for number in range(12_000):
            pipe.set(f"k{number}", number)
        pipe.execute()
        server.sync_always()
        client.set("last", 1)
    server.kill()
    command = embedded_redis.command(server.port, server.directory)
    server.process = subprocess.Popen([*command, "--key-load-delay", "200"], stdout=subprocess.DEVNULL)
    wait_for(lambda: _says_loading(server), "Redis to be loading")


def _says_loading(server: RedisServer) -> bool:
    with Redis.from_url(server.url) as client:
        try:
            client.get("x")
        except BusyLoadingError:
            return True
        except RedisConnectionError:
            pass
    return False


def _restart(server: RedisServer) -> None:
    server.kill()
    server.start()


@pytest.fixture
def own_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: FlaskClient) -> Iterator[RedisServer]:
    """The queues' Redis, to be harmed; the API waits for it no longer than a second and a half."""
    (tmp_path / "own").mkdir()
    with redis_server(tmp_path / "own") as server:
        monkeypatch.setenv("QUEUE_REDIS_URL", server.url)
        settings.cache_clear()
        monkeypatch.setitem(connect(server.url).connection_pool.connection_kwargs, "socket_timeout", 1.5)
        yield server


@pytest.mark.parametrize(
    ("harm", "heal", "says"),
    [
        (RedisServer.kill, RedisServer.start, "cannot be reached"),
        (_load_slowly, _restart, "is still loading its data"),
        (_command("CLIENT", "PAUSE", "60000", "ALL"), _restart, "does not answer in time"),
        (_command("CONFIG", "SET", "maxmemory", "1"), _command("CONFIG", "SET", "maxmemory", "0"), "is out of memory"),
        (
            _command("REPLICAOF", "127.0.0.1", "1"),
            _command("REPLICAOF", "NO", "ONE"),
            "takes no writes: it is a replica",
        ),
        (
            _command("CONFIG", "SET", "min-replicas-to-write", "1"),
            _command("CONFIG", "SET", "min-replicas-to-write", "0"),
            "takes no writes: it has too few replicas",
        ),
    ],
    ids=["away", "loading", "silent", "full", "replica", "alone"],
)
def test_what_ails_redis_is_said_and_passes(
    harm: Harm, heal: Harm, says: str, own_redis: RedisServer, as_: Called
) -> None:
    """503 with the part and the reason; once it is well again, so is the API."""
    ada = as_()
    body = {"updateType": "daily"}
    before = ada.post("/app/jobs/user/manual-update", json=body)

    harm(own_redis)
    meanwhile = ada.post("/app/jobs/user/manual-update", json=body)
    heal(own_redis)
    after = ada.post("/app/jobs/user/manual-update", json=body)

    assert (before.status_code, meanwhile.status_code, after.status_code) == (202, 503, 202)
    assert meanwhile.headers["Retry-After"] == "5"
    assert meanwhile.get_json() == {"success": False, "error": f"the queue Redis {says}; try again in 5 s"}


def test_the_cache_is_told_from_the_queues(as_: Called, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a pool of its own, whatever server is behind it."""
    monkeypatch.setenv("CACHE_REDIS_URL", f"redis://127.0.0.1:{free_port()}/1")
    settings.cache_clear()

    @client.application.get("/cached")
    def cached() -> str:
        return str(connect(settings().cache_redis_url).get("x"))

    reply = client.get("/cached")

    assert (reply.status_code, reply.get_json()["error"].split(";")[0]) == (503, "the cache Redis cannot be reached")


@pytest.mark.parametrize("said", ["MISCONF Errors writing", "ERR Error running script: @user_script:9: -OOM command"])
def test_what_redis_py_has_no_class_for_is_an_outage_all_the_same(said: str) -> None:
    """As older servers say it of scripts."""
    assert outage_of(ResponseError(said)) is not None


@pytest.mark.parametrize("said", ["ERR wrong number of arguments", "WRONGTYPE Operation", "ERR value OOMPH is wrong"])
def test_a_mistake_of_ours_is_no_outage(said: str) -> None:
    """It would not pass."""
    assert outage_of(ResponseError(said)) is None


def test_the_database_restarts_and_takes_no_writes(api: Flask, machine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed, started again, read-only, and well: 503 while it is not, and never more than that."""
    with postgres_server() as server:
        monkeypatch.setenv("DATABASE_URL", server.url)
        settings.cache_clear()
        db.engine.cache_clear()
        upgrade()
        with db.session() as session:
            ada = register(session, "ada@example.com", HASH, Role.USER)
        caller = {"Authorization": f"Bearer {issue(ada)}"}
        seen = []
        with api.test_client() as web:

            def update() -> None:
                seen.append(web.post("/app/jobs/user/manual-update", headers=caller, json={"updateType": "daily"}))

            def read_only(state: str) -> None:
                db.engine().dispose()
                with create_engine(
                    server.url,
                    isolation_level="AUTOCOMMIT",
                    connect_args={"options": "-c default_transaction_read_only=off"},
                ).connect() as connection:
                    connection.execute(text(f"ALTER DATABASE postgres SET default_transaction_read_only = {state}"))
                connection.engine.dispose()

            update()
            server.kill()
            update()
            server.start()
            update()
            read_only("on")
            update()
            read_only("off")
            update()
        start_afresh()

    assert [reply.status_code for reply in seen] == [202, 503, 202, 503, 202]
    assert seen[1].get_json()["error"] == "the database cannot be used; try again in 5 s"


def test_an_error_of_ours_says_nothing_of_its_inside(as_: Called, client: FlaskClient) -> None:
    """500 in the shape of every other error, and the reason in the log."""

    @client.application.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret detail")

    reply = client.get("/broken")

    assert (reply.status_code, reply.get_json()["success"]) == (500, False)
    assert "secret" not in reply.text
