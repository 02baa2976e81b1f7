"""The ``toril`` command's own entry point, on a machine of the test's own."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app import log
from tests.afresh import start_afresh


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def machine(tmp_path: Path, redis_url: str) -> dict[str, str]:
    """Its environment: nothing of the developer's."""
    return {
        "PATH": os.environ["PATH"],
        "TORIL_ENV": "test",
        "TORIL_VAR": str(tmp_path / "var"),
        "DATABASE_URL": f"sqlite:///{tmp_path}/toril.db",
        "REDIS_URL": redis_url.rpartition("/")[0],
    }


@pytest.fixture
def toril(
    machine: dict[str, str],
    sqlite_database: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs the command to its end, over a database with every table.

    In this process: starting Python once per word would take the suite half a minute. Its log stays pytest's.
    """
    [installed] = entry_points(group="console_scripts", name="toril")
    main = installed.load()
    monkeypatch.setattr(log, "configure", lambda *_: None)

    def run(*words: str, stdin: str = "", **environment: str) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr(os, "environ", machine | environment)
            patch.setattr(sys, "argv", ["toril", *words])
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            start_afresh()
            try:
                main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
            finally:
                start_afresh()
        shown = capsys.readouterr()
        return Done(code, shown.out, shown.err)

    return run
