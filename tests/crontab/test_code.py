"""The folder of scheduled jobs finds itself, and one broken file harms no other."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.crontab.code import JobsUnreadable, load

ROOT = Path(__file__).parents[2]
GOOD = "name = 'good'\nschedule = '0 9 * * *'\ndef run(log): log.info('done')\n"


@pytest.mark.parametrize(
    "broken",
    [
        "this is no Python",
        "raise RuntimeError('at import')",
        "name = 'x'\nschedule = '0 9 * * *'",  # no run
        "name = 'x'\nschedule = '0 25 * * *'\ndef run(log): ...",
        "name = 'a:b'\nschedule = '0 9 * * *'\ndef run(log): ...",
        "name = 'x'\nschedule = '0 9 * * *'\ntimeout = 5\ndef run(log): ...",  # a field misspelt
    ],
)
def test_a_broken_file_is_logged_and_left_out(tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture) -> None:
    """S4-1: the other entries run on."""
    (tmp_path / "a_broken.py").write_text(broken)
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "_private.py").write_text("raise SystemExit")
    (tmp_path / "notes.txt").write_text("not a job")

    found = [job.name for job in load(tmp_path, "jobs_of_a_test")]

    assert found == ["good"]
    assert "a_broken.py is left out" in caplog.text


def test_a_body_is_given_its_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """``run(log)`` is the document's ``run(logger)``."""
    (tmp_path / "good.py").write_text(GOOD)
    caplog.set_level(logging.INFO)

    [job] = load(tmp_path, "jobs_of_another_test")
    job.run(logging.getLogger("crontab.good"))

    assert ("crontab.good", logging.INFO, "done") in caplog.record_tuples


def test_an_unreadable_folder_is_an_error(tmp_path: Path) -> None:
    """Named, since somebody has to mend it."""
    with pytest.raises(JobsUnreadable, match="nowhere"):
        list(load(tmp_path / "nowhere", "x"))


@pytest.mark.parametrize("program", ["workers.main", "producer.main"])
def test_a_program_does_not_start_without_its_crontab(tmp_path: Path, program: str) -> None:
    """S4-1: exit code 1, and the reason."""
    environment = {**os.environ, "CRONTAB_DIR": str(tmp_path / "nowhere"), "TORIL_VAR": str(tmp_path)}

    started = subprocess.run(
        [sys.executable, "-m", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert started.returncode == 1
    assert "nowhere" in started.stderr
