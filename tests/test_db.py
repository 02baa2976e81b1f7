"""Sessions that read wait for nobody."""

from __future__ import annotations

from sqlalchemy import Engine, text

from app import db


def test_a_reader_does_not_wait_for_a_writer(database: Engine) -> None:
    """It sees what was committed before: an API that only reads is as fast beside busy workers as beside idle ones."""
    with db.session() as writer:
        writer.execute(text("INSERT INTO slot_loads (kind, slot, users, minutes) VALUES ('hour', 0, 1, '[]')"))

        with db.reading() as reader:
            seen = reader.execute(text("SELECT count(*) FROM slot_loads")).scalar_one()

    assert seen == 0
