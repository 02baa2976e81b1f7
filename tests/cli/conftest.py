"""The installed ``toril`` command, on a machine of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

TORIL = Path(sys.executable).with_name("toril")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


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
def toril(machine: dict[str, str], tmp_path: Path, sqlite_database: Engine) -> Run:
    """Runs the command to its end, over a database with every table."""

    def run(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [TORIL, *words],
            env=machine | environment,
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
