"""The migrated schema is the models' schema, on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.orm import Session

from app import db
from app.migrations import run
from app.migrations.run import pending, upgrade, write_revision
from app.models import every_table
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def empty_database(database_url: str) -> Iterator[Engine]:
    """A database without a table."""
    engine = db.open_engine(database_url)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    yield engine
    engine.dispose()


def differences(engine: Engine) -> Any:
    """What a migration to the models would still change."""
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), every_table())


def test_the_migrated_schema_is_the_models(empty_database: Engine) -> None:
    """Every table, column, type, index and constraint that Alembic can see."""
    upgrade(empty_database)

    assert differences(empty_database) == []
    assert pending(empty_database) == []


def test_a_table_that_is_written_anew_takes_no_other_rows_along(
    empty_database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite drops the old one, and an attempt goes with its job's row."""
    older = tmp_path / "migrations"
    shutil.copytree(run.SCRIPTS, older, ignore=shutil.ignore_patterns("002*.py", "__pycache__"))
    with monkeypatch.context() as before:
        before.setattr(run, "SCRIPTS", older)
        upgrade(empty_database)
    job = JobStatus(queue="q", job_id="a", added_ms=1, name="n", opts={}, attempts=1, status="failed", queued_at=NOON)
    run_of_it = JobAttempt(job=1, run=1, attempt=1, kind="failed", started_at=NOON, ended_at=NOON)
    with Session(empty_database) as session, session.begin():
        session.add(job)
        session.flush()
        session.add(run_of_it)

    upgrade(empty_database)

    with Session(empty_database) as session:
        assert session.scalars(select(JobAttempt.run)).all() == [1]
        assert session.scalars(select(JobStatus.job_id)).all() == ["a"]


def test_processes_that_start_together_migrate_once(empty_database: Engine) -> None:
    """Neither fails, and the schema is whole."""
    with ThreadPoolExecutor(2) as starting:
        list(starting.map(upgrade, [empty_database] * 2))

    assert differences(empty_database) == []


def test_what_is_pending_is_named_in_order(empty_database: Engine) -> None:
    """The doctor shows it."""
    before = pending(empty_database)

    applied = upgrade(empty_database)

    assert before[0] == "0001"
    assert applied == before
    assert pending(empty_database) == []


def test_a_new_migration_is_written_from_the_models(
    empty_database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names no type of ours, so that it outlives them, and it leads to the models' schema."""
    scripts = tmp_path / "migrations"
    shutil.copytree(run.SCRIPTS, scripts, ignore=shutil.ignore_patterns("[0-9]*.py", "__pycache__"))

    write_revision("first", empty_database, scripts)

    [written] = (scripts / "versions").glob("*_first.py")
    assert "app.models" not in written.read_text()
    monkeypatch.setattr(run, "SCRIPTS", scripts)
    upgrade(empty_database)
    assert differences(empty_database) == []
    assert "users" in inspect(empty_database).get_table_names()
