"""The night's file is a whole backup, and old ones make room."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app import backup, db
from app.migrations.run import upgrade
from app.models.user import User
from tests.afresh import start_afresh
from tests.crontab.jobs.running import run_job
from tests.domains.maintenance.rows import NINE

DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where backups go, of a migrated database with one user; two of them stay."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/toril.db")
    monkeypatch.setenv("BACKUP_DIR", str(tmp_path / "backups"))
    monkeypatch.setenv("BACKUP_KEEP", "2")
    start_afresh()
    upgrade(db.engine())
    with db.session() as session:
        session.add(User(id="7", email="7@x.example", password_hash="hash"))
    yield tmp_path / "backups"
    start_afresh()


def test_the_nights_file_restores_what_was_there(folder: Path, tmp_path: Path) -> None:
    """Into another database, by the other half of the code; nobody else may read the file."""
    done = run_job("backup", NINE)
    restored = db.open_engine(f"sqlite:///{tmp_path}/restored.db")

    backup.restore(restored, folder / done["file"])

    with Session(restored) as session:
        user = session.get_one(User, "7")
        assert (user.email, user.password_hash) == ("7@x.example", "hash")
    restored.dispose()
    file = folder / "toril-20260101T090000.jsonl.gz"
    assert (done["file"], done["bytes"]) == (file.name, file.stat().st_size)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_newest_stay_and_what_is_not_ours_too(folder: Path) -> None:
    """The same night again replaces its own file."""
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    for days in (0, 1, 1, 2):
        done = run_job("backup", NINE + days * DAY)

    names = sorted(file.name for file in folder.iterdir())

    assert names == ["notes.txt", "toril-20260102T090000.jsonl.gz", "toril-20260103T090000.jsonl.gz"]
    assert done["removed"] == 1
