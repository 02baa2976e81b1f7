"""The database is smaller and better known afterwards."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, delete, insert, text

from app import db
from app.models.sent_mail import SentMail
from tests.crontab.jobs.running import run_job
from tests.domains.maintenance.rows import NINE

ROWS, LEFT = 4_000, 400


def fill_and_empty() -> None:
    """Most of what was written is gone again."""
    with db.engine().begin() as connection:
        rows = [{"message_id": f"{n:05}", "recipient": "", "subject": "x" * 500, "sent_at": NINE} for n in range(ROWS)]
        connection.execute(insert(SentMail), rows)
    with db.engine().begin() as connection:
        connection.execute(delete(SentMail).where(SentMail.message_id >= f"{LEFT:05}"))


def test_space_is_given_back_and_the_planner_knows_the_rows(database: Engine) -> None:
    """The rows are there; the database's own statistics say how many; the file, or the table's, shrinks."""
    fill_and_empty()

    done = run_job("optimizeDatabase", NINE)

    with database.connect() as connection:
        if database.dialect.name == "postgresql":
            known = connection.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'sent_mails'"))
            size = connection.scalar(text("SELECT pg_database_size(current_database())"))
        else:
            (said,) = connection.execute(text("SELECT stat FROM sqlite_stat1 WHERE tbl = 'sent_mails' LIMIT 1")).one()
            known, size = int(said.split()[0]), Path(str(database.url.database)).stat().st_size
        rows = connection.scalar(text("SELECT count(*) FROM sent_mails"))
    assert (rows, known) == (LEFT, LEFT)
    assert done["bytesAfter"] < done["bytesBefore"] - 1_000_000
    assert done["bytesAfter"] == size


def test_a_file_that_is_full_is_not_written_anew(sqlite_database: Engine) -> None:
    """VACUUM keeps every writer waiting; the statistics cost nothing."""
    with db.session() as session:
        session.add(SentMail(message_id="1", recipient="", subject="", sent_at=NINE))

    done = run_job("optimizeDatabase", NINE)

    assert done["vacuumed"] is False
