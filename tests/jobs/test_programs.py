"""What the programs run, as they are started."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from app.jobs.catalog import JOBS

ROOT = Path(__file__).parents[2]
ACTORS = "import {module}, json; from app.jobs.engine import broker; print(json.dumps(list(broker().actors)))"


def actors(module: str) -> list[str]:
    """Those that a process of this program declares."""
    code = ACTORS.format(module=module)
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    names: list[str] = json.loads(said.stdout)
    return names


def test_every_job_of_the_catalog_is_run_by_the_workers_or_by_the_producer() -> None:
    """By one of them."""
    run = [*actors("workers.main"), *actors("producer.main")]

    assert sorted(run) == sorted(spec.name for spec in JOBS)
