"""Service health check: whether what we stand on answers; it fails, and alerts, if not (S4-8, C35)."""

from __future__ import annotations

import logging
from typing import Any

from app.clock import utc_now
from app.crontab.running import current_run
from app.domains.maintenance.statistics import check_services

name = "serviceHealthCheck"
schedule = "*/5 * * * *"
catch_up = "skip"
reads = "a ping of each service; workers, crontab_entry, crontab_cursor, job_status"
writes = "snapshots: one a slot"
proof = "tests/domains/maintenance/test_statistics.py::test_a_service_that_is_down_fails_the_check_and_is_kept"


def run(log: logging.Logger) -> dict[str, Any]:
    """Ask them all."""
    found = check_services(current_run().slot, utc_now())
    log.info("services: %s, %d workers, %d entries overdue", found["services"], found["workers"], len(found["overdue"]))
    return found
