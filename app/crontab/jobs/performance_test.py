"""Performance test: a thousand jobs that do nothing, measured from their rows (S4-14, C38)."""

from __future__ import annotations

import logging
from typing import Any

from app.clock import utc_now
from app.crontab.running import current_run
from app.domains.maintenance.performance import run_performance_test

name = "performanceTest"
schedule = "0 5 * * *"
timeout_s = 60
environments = ["staging"]
reads = "job_status of its own thousand jobs"
writes = "a thousand no_op jobs; snapshots: one a slot"
proof = "tests/domains/maintenance/test_performance.py::test_a_thousand_jobs_run_and_their_figures_are_kept"


def run(log: logging.Logger) -> dict[str, Any]:
    """Parked while they run: no thread waits for them."""
    found = run_performance_test(current_run().slot, utc_now())
    log.info("performance: %s", found)
    return found
