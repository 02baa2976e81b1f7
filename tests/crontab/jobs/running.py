"""One run of an entry's body, as a worker runs it, without the worker."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from app.crontab import code
from app.crontab.running import Run, running


def run_job(name: str, slot: datetime, entry_id: str = "") -> Any:
    """What the body of that entry returns for that slot."""
    code.jobs.cache_clear()
    job = code.jobs()[name]
    with running(Run(entry_id or name, slot, 1, job.data)):
        if job.check is not None:
            job.check()
        return job.run(logging.getLogger(f"crontab.{name}"))
