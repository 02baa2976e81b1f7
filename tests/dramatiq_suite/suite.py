"""Dramatiq's own tests, from its pinned source release, run with this project's broker. None of them is kept here."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

VERSION = "2.2.1"
ROOT = Path(__file__).parents[2]
CACHE = ROOT / "var" / "dramatiq-suite"
SUPPLIED = Path(__file__).parent / "supplied"
PLACES = {"stand_in.py": "__init__.py", "fixtures.py": "conftest.py", "common.py": "common.py"}

Round = Literal["redis", "everything"]
Outcome = Literal["passed", "failed", "skipped"]


class Unavailable(Exception):
    """The release cannot be downloaded now."""


def run(
    tests: Sequence[str], *, redis_url: str, directory: Path, only: str = "", which: Round = "redis"
) -> dict[str, Outcome]:
    """The outcome of each test of these files, as ``test_redis.py::test_name[parameter]``.

    ``only`` is pytest's ``-k``. Raises Unavailable.
    """
    suite = unpacked(directory)
    report = directory / "report.xml"
    environment = {
        "SUITE_REDIS_URL": redis_url,
        "SUITE_ROUND": which,
        "PYTHONPATH": str(suite),
        # A reloaded command starts "python" anew, whichever comes first.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "dramatiq_restart_delay": "100",
    }
    files = [f"tests/{name}" for name in tests]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        str(suite),
        "-p",
        "no:cacheprovider",
    ]
    with (directory / "output.txt").open("w") as output:
        subprocess.run(
            [*command, "-k", only, f"--junitxml={report}", *files],
            cwd=suite,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=900,
        )
    return _outcomes(report)


def unpacked(directory: Path) -> Path:
    """Where the release lies, with what we supply. Raises Unavailable."""
    archive = _downloaded()
    directory.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="data")
    suite = directory / f"dramatiq-{VERSION}"
    # Only the tests: what they import is the installed Dramatiq.
    shutil.rmtree(suite / "dramatiq")
    for supplied, place in PLACES.items():
        shutil.copyfile(SUPPLIED / supplied, suite / "tests" / place)
    return suite


def _downloaded() -> Path:
    archive = CACHE / f"dramatiq-{VERSION}.tar.gz"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "dramatiq"]
        done = subprocess.run(
            [*command, "--dest", str(CACHE), f"dramatiq=={VERSION}"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unavailable(f"dramatiq {VERSION} cannot be downloaded: {done.stderr.strip()[-300:]}")
    # The lock names the hash of every file of a release, so that the source is as trusted as what is installed.
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if f"sha256:{digest}" not in (ROOT / "requirements.lock").read_text():
        raise AssertionError(f"{archive} is not the release that requirements.lock names: sha256 {digest}")
    return archive


def _outcomes(report: Path) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        file = case.get("classname", "").rpartition(".")[2]
        outcome: Outcome = "passed"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
        elif case.find("skipped") is not None:
            outcome = "skipped"
        outcomes[f"{file}.py::{case.get('name')}"] = outcome
    return outcomes
