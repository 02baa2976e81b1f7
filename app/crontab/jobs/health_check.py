"""Health check: the system's statistics, taken and kept (S0-6, C18)."""

from __future__ import annotations

import logging
from typing import Any

from app.clock import utc_now
from app.crontab.running import current_run
from app.domains.maintenance.statistics import check_system

name = "healthCheck"
schedule = "*/30 * * * *"
catch_up = "skip"
reads = "job_status, user_update_schedules, slot_load, workers, crontab_entry; both Redis servers"
writes = "snapshots: one a slot"
proof = "tests/domains/maintenance/test_statistics.py::test_the_statistics_are_those_of_the_rows"


def run(log: logging.Logger) -> dict[str, Any]:
    """Take them; they are the job's return value too."""
    found = check_system(current_run().slot, utc_now())
    log.info("system statistics: %d workers, services %s", found["workers"], found["services"])
    return found
