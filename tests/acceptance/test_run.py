"""The first command of the README, with real processes on private ports."""

from __future__ import annotations

import os
import re
import socket
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
    ports = {
        name: str(free_port())
        for name in (
            "WEB_PORT",
            "AMAZON_SIMULATOR_PORT",
            "LEADS_SERVER_PORT",
            "STATUS_SERVER_PORT",
            "EMBEDDED_REDIS_PORT",
        )
    }
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
    """Issue item 2: a clear message, on the first line."""
    with socket.create_server(("127.0.0.1", int(private["WEB_PORT"]))):
        refused = subprocess.run(
            [TORIL, "run", "--once"], cwd=ROOT, env=private, capture_output=True, text=True, timeout=60, check=False
        )

    assert refused.returncode == 2
    assert refused.stdout.startswith(f"port {private['WEB_PORT']} on 127.0.0.1 is not free")
    assert "WEB_PORT=<port>" in refused.stdout
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
