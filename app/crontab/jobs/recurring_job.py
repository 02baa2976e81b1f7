"""Recurring job: for each slot of an entry that was made at run time, one job of the queue that it names (S3-18).

The producer runs it, since it only enqueues. There is no entry of this name: each brings its own schedule and data.
"""

from __future__ import annotations

import logging

from app.crontab.recurring import add_job, checked
from app.crontab.running import current_run
from app.jobs.catalog import ADD_RECURRING_JOB

name = "recurringJob"
schedule = ""
check_data = checked
timeout_s = 60
attempts = 10
spec = ADD_RECURRING_JOB
reads = "the entry's data: queue, job name, data, priority"
writes = "one job_status row a slot, under the promise key recurring-<entry>-<slot>"
proof = "tests/crontab/test_recurring.py::test_every_slot_adds_its_job_once_however_often_it_is_run"


def run(log: logging.Logger) -> dict[str, str]:
    """Add the slot's job."""
    job_id = add_job(current_run())
    log.info("recurring job %s added", job_id)
    return {"added": job_id}
