"""A worker process runs every job of its queues, each under its catalog name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from app.jobs.catalog import CRON, JOBS

ROOT = Path(__file__).parents[2]


def test_the_entry_declares_an_actor_for_every_job_that_is_not_the_producers() -> None:
    """TRAPS, Dramatiq 15: a job without an actor would wait for ever; names are equal in catalog and actor."""
    code = "import json, workers.main as m; a = m.broker().actors; print(json.dumps({n: a[n].queue_name for n in a}))"

    declared = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert json.loads(declared.stdout) == {spec.name: spec.queue for spec in JOBS if spec.queue != CRON}
