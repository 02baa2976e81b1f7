"""``app.broker`` stands alone: its tests pass where nothing else of ``app`` exists."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
#: What is quick, and one real worker program whose keeper hands its jobs back.
SELECTION = (
    "test_queue.py",
    "test_surface.py",
    "test_batches.py::test_any_history_leaves_the_same_queue[embedded-OwnAtOnce]",
    "test_recorder.py",
    "test_crashes.py::test_a_killed_workers_jobs_start_again_before_their_lease_is_over",
)
#: Takes away the import hook of ``pip install -e``, which would find the rest of ``app`` in the checkout.
NOT_INSTALLED = """
import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if not finder.__module__.startswith("__editable__")]
"""


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A checkout in which the rest of ``app`` is deleted.

    The server that tests start comes from ``app/embedded_redis.py``, which is no part of the broker: here it is the
    tests' own.
    """
    without_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "app" / "broker", tmp_path / "app" / "broker", ignore=without_caches)
    shutil.copytree(ROOT / "tests" / "broker", tmp_path / "tests" / "broker", ignore=without_caches)
    for path in ("setup.cfg", "app/__init__.py", "tests/__init__.py"):
        shutil.copy(ROOT / path, tmp_path / path)
    shutil.copy(ROOT / "app" / "embedded_redis.py", tmp_path / "tests" / "embedded_redis.py")
    shutil.copy(ROOT / "tests" / "broker" / "alone_conftest.py", tmp_path / "tests" / "conftest.py")
    servers = (ROOT / "tests" / "servers.py").read_text()
    assert "from app import embedded_redis\n" in servers
    moved = servers.replace("from app import embedded_redis\n", "from tests import embedded_redis\n")
    (tmp_path / "tests" / "servers.py").write_text(moved)
    (tmp_path / "sitecustomize.py").write_text(NOT_INSTALLED)
    return tmp_path


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this interpreter in that folder, where it and its children find only that folder's ``app``."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_the_broker_passes_its_tests_with_the_rest_of_app_deleted(alone: Path) -> None:
    """The rest is really out of reach, and nothing is skipped for want of it."""
    rest = python(alone, "-c", "import app.settings")

    run = python(alone, "-m", "pytest", "-p", "no:cacheprovider", *(f"tests/broker/{name}" for name in SELECTION))

    assert "No module named 'app.settings'" in rest.stderr
    assert run.returncode == 0, run.stdout + run.stderr
