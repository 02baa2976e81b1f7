"""The first command of the README, with real processes on private ports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import free_port

ROOT = Path(__file__).parents[2]
TORIL = Path(sys.executable).with_name("toril")
#: Settings of the surrounding shell would lead elsewhere.
FOREIGN = ("DATABASE_URL", "REDIS_", "QUEUE_REDIS_URL", "CACHE_REDIS_URL", "AMAZON_", "TORIL_", "SECRET_KEY")


@pytest.fixture
def private(tmp_path: Path) -> dict[str, str]:
    """An environment of its own: files in a directory of the test, ports that nobody uses."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    ports = {name: str(free_port()) for name in ("WEB_PORT", "AMAZON_SIMULATOR_PORT", "EMBEDDED_REDIS_PORT")}
    return {**kept, **ports, "TORIL_VAR": str(tmp_path / "var")}


def test_run_once_refreshes_every_demo_user_and_leaves_nothing_running(private: dict[str, str]) -> None:
    """Issue item 2: 24 of 24 completed, exit code 0, and every process stopped."""
    finished = subprocess.run(
        [TORIL, "run", "--once"], cwd=ROOT, env=private, capture_output=True, text=True, timeout=240, check=False
    )

    assert "24 of 24 completed." in finished.stdout, finished.stdout + finished.stderr
    assert finished.returncode == 0
    assert len(re.findall(r"seller-\d\d@demo\.example", finished.stdout)) == 24
    assert not _processes_with(private["TORIL_VAR"])


def test_run_with_a_taken_port_says_so_and_starts_nothing(private: dict[str, str]) -> None:
    """Issue item 2: a clear message."""
    private["WEB_PORT"] = private["EMBEDDED_REDIS_PORT"]

    finished = subprocess.run(
        [TORIL, "run", "--once"],
        cwd=ROOT,
        env=private | {"WEB_HOST": "203.0.113.1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert finished.returncode == 2
    assert "choose another with WEB_PORT=<port>" in finished.stdout
    assert not (Path(private["TORIL_VAR"]) / "supervisord.pid").exists()


def _processes_with(var: str) -> list[str]:
    """Processes whose environment names that directory (Linux; elsewhere nothing is seen)."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TORIL_VAR={var}".encode() in environ.read_bytes().split(b"\0"):
                found.append(f"{environ.parent.name}: {(environ.parent / 'cmdline').read_text()}")
        except OSError:
            continue
    return found
