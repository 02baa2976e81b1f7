"""The sample, and a template for new jobs: it counts what its own entry did in the last day (S4-2)."""

from __future__ import annotations

import logging
from datetime import timedelta

from app import db
from app.crontab.running import current_run
from app.crontab.sessions import get_sessions_by_job
from app.models.cron_session import SessionStatus

name = "sampleJob"
title = "Sample Job"
schedule = "0 */4 * * *"
reads = "cron_session: its own of the last 24 h"
writes = "the counts, as its session's metadata and its job's return value"
proof = "tests/crontab/jobs/test_sample_job.py::test_the_sample_counts_its_own_runs_of_the_last_day"


def run(log: logging.Logger) -> dict[str, int]:
    """Count its sessions by status; six runs a day are far fewer than a page."""
    current = current_run()
    with db.reading() as session:
        rows = get_sessions_by_job(session, current.entry_id)
    recent = [row.status for row in rows if current.slot - timedelta(days=1) < row.slot < current.slot]
    counts = {status.value: recent.count(status.value) for status in SessionStatus}
    current.details.update(counts)
    log.info("%d runs in the last day", len(recent))
    return counts
