"""The crontab's job, as an actor."""

from __future__ import annotations

from typing import Any

from app.crontab.execute import run_entry as execute
from app.jobs.actor import actor
from app.jobs.catalog import RUN_ENTRY
from app.jobs.payloads import Slot


@actor(RUN_ENTRY)
def run_entry(**asked: Any) -> Any:
    """Run the body of an entry."""
    return execute(Slot(**asked))
