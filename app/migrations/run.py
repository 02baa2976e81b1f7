"""Bring a database to the newest schema. Alembic is configured here: there is no ini file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from app import db

SCRIPTS = Path(__file__).parent
_LOCK = 0x70_72_69_6C  # PostgreSQL's advisory lock of this schema


def upgrade(engine: Engine | None = None) -> list[str]:
    """Apply what is missing, all of it or nothing; returns the names. Processes that start together do it once."""
    engine = engine or db.engine()
    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    with _alone(engine) as connection:
        missing = _missing(connection, SCRIPTS)
        command.upgrade(_config(SCRIPTS, connection), "head")
    return missing


def pending(engine: Engine | None = None, scripts: Path = SCRIPTS) -> list[str]:
    """Names of the migrations that the database lacks, oldest first."""
    with (engine or db.engine()).connect() as connection:
        return _missing(connection, scripts)


def write_revision(message: str, engine: Engine, scripts: Path = SCRIPTS) -> None:
    """Write the migration from this database's schema to the models', numbered after the last."""
    with _alone(engine) as connection:
        config = _config(scripts, connection)
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")


def _missing(connection: Connection, scripts: Path) -> list[str]:
    current = MigrationContext.configure(connection).get_current_heads()
    history = ScriptDirectory.from_config(_config(scripts))
    return [script.revision for script in history.iterate_revisions("heads", current or "base")][::-1]


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """One transaction that no other migration runs beside: SQLite's begins with a write lock."""
    with engine.connect() as connection, _without_cascades(connection), connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection


@contextmanager
def _without_cascades(connection: Connection) -> Iterator[None]:
    """Some changes SQLite makes by a new table for the old: dropped, that would take along whatever refers to its rows.

    Foreign keys can be switched off only outside of a transaction, so on the driver's connection.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.cursor()
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _config(scripts: Path, connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config
