"""A scheduled job for the producers of this suite (CRONTAB_DIR): each run of a slot is in the journal."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from app.crontab.running import current_run
from app.crontab.slots import slot_name
from app.jobs.catalog import PROMISE_DAILY_UPDATES
from tests.faults.journal import Journal

name = "everyTwoSeconds"
schedule = "*/2 * * * * *"
timezone = "UTC"
catch_up = "all"
timeout_s = 60
attempts = 10
spec = PROMISE_DAILY_UPDATES  # the producer runs it

_journal = Journal(Path(os.environ["FAULTS_JOURNAL"]))


def run(log: logging.Logger) -> None:
    """Say which slot it was."""
    slot = slot_name(current_run().slot)
    _journal.write("start", slot)
    _journal.write("end", slot)
