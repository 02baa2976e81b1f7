"""Sessions that read wait for nobody; a pool's connections are as few as their users, and small."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from app import db


def test_a_reader_does_not_wait_for_a_writer(database: Engine) -> None:
    """It sees what was committed before: an API that only reads is as fast beside busy workers as beside idle ones."""
    with db.session() as writer:
        writer.execute(text("INSERT INTO slot_loads (kind, slot, users, minutes) VALUES ('hour', 0, 1, '[]')"))

        with db.reading() as reader:
            seen = reader.execute(text("SELECT count(*) FROM slot_loads")).scalar_one()

    assert seen == 0


def test_a_connection_that_only_a_rush_needs_rests(database: Engine) -> None:
    """Each keeps what it has read: one user, one after another, must not fill all that a rush has opened."""
    with ExitStack() as rush:
        opened = {_connection(rush.enter_context(database.connect())) for _ in range(4)}

    used = set()
    for _ in range(8):
        with database.connect() as connection:
            used.add(_connection(connection))

    assert len(opened) == 4
    assert len(used) == 1


def test_a_connection_to_sqlite_keeps_few_pages(tmp_path: Path) -> None:
    """SQLite's own default is 2 MB for each: a process grew by that as its tables did."""
    engine = db.open_engine(f"sqlite:///{tmp_path}/few.db")

    with engine.connect() as connection:
        kept = connection.execute(text("PRAGMA cache_size")).scalar_one()
    engine.dispose()

    assert kept == -256  # negative: KiB


def _connection(connection: Connection) -> int:
    return id(connection.connection.dbapi_connection)
