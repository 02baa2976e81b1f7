"""Fixtures of the whole suite: a real Redis, and a real database of each kind."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Connection, Engine, inspect, text

from app import db
from app.broker.connection import connect
from app.models import every_table
from tests.afresh import start_afresh
from tests.postgres import postgres_server
from tests.servers import RedisServer, redis_server

#: Keys and databases that tests make are not the developer's.
os.environ["TORIL_VAR"] = tempfile.mkdtemp(prefix="toril-tests-")
#: A test looks at the row right after its add.
os.environ["LEDGER_CONFIRM_WITHIN"] = "0"

SCHEMA = every_table()

#: Their few files take minutes, and start programs by the dozen.
SLOW = ("acceptance", "faults", "browser", "dramatiq_suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files are spread over the first part of the run: together they slow each other down, in the end they are
    waited for. Volume runs may take their time.
    """
    files = list(dict.fromkeys(item.path for item in items))
    slow = [file for file in files if file.parent.name in SLOW]
    quick = [file for file in files if file.parent.name not in SLOW]
    place = {file: at / len(quick) for at, file in enumerate(quick)}
    place |= {file: 0.7 * at / len(slow) for at, file in enumerate(slow)}
    items.sort(key=lambda item: place[item.path])
    for item in items:
        if item.get_closest_marker("long") or item.get_closest_marker("faults"):
            item.add_marker(pytest.mark.timeout(0))


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not walk through it again and again, at a twentieth of the run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    """What a test has set ends with it: this comes before its patches, and so goes after them."""
    yield
    start_afresh()


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One embedded server for all tests that do not harm it."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(shared_redis: RedisServer) -> str:
    """The URL of an empty database."""
    connect(shared_redis.url).flushall()
    return shared_redis.url


@pytest.fixture
def redis(redis_url: str) -> Redis:
    """A client of that empty database."""
    return connect(redis_url)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server for the whole run."""
    with postgres_server() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: every test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/toril.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every table, to be copied: making them anew for each test is most of a short one's time."""
    file = tmp_path_factory.mktemp("template") / "toril.db"
    engine = db.open_engine(f"sqlite:///{file}")
    SCHEMA.create_all(engine)
    engine.dispose()
    return file


@pytest.fixture
def database(database_url: str, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The application's database, with every table, empty."""
    if database_url.startswith("sqlite"):
        return _copied(sqlite_template, database_url, monkeypatch)
    engine = _opened(database_url, monkeypatch)
    tables = [table.name for table in SCHEMA.sorted_tables]
    with engine.begin() as connection:
        if set(inspect(connection).get_table_names()) == set(tables):
            _empty(connection, tables)
        else:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
            SCHEMA.create_all(connection)
    return engine


def _empty(connection: Connection, tables: list[str]) -> None:
    """To truncate a table costs the same whether it has rows, and takes longer than most tests: only what has some."""
    rows = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables)
    if filled := connection.scalars(text(rows)).all():
        connection.execute(text(f"TRUNCATE {', '.join(filled)} CASCADE"))
    used = "SELECT setval(sequencename::regclass, 1, false) FROM pg_sequences WHERE last_value IS NOT NULL"
    connection.execute(text(used))


@pytest.fixture
def sqlite_database(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The same on SQLite only, for tests in which the database is not the point."""
    return _copied(sqlite_template, f"sqlite:///{tmp_path}/toril.db", monkeypatch)


def _copied(template: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    shutil.copy(template, url.removeprefix("sqlite:///"))
    return _opened(url, monkeypatch)


def _opened(url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("DATABASE_URL", url)
    start_afresh()
    return db.engine()
