"""Metrics collection: the hour that has just ended, in figures (S4-8)."""

from __future__ import annotations

import logging
from typing import Any

from app.clock import utc_now
from app.crontab.running import current_run
from app.domains.maintenance.metrics import collect_metrics

name = "metricsCollection"
schedule = "0 * * * *"
catch_up = "all"
timeout_s = 120
reads = "job_status that ended, and cron_session that began, within the hour"
writes = "snapshots: one an hour"
proof = "tests/domains/maintenance/test_metrics.py::test_an_hours_figures_are_those_of_its_rows"


def run(log: logging.Logger) -> dict[str, Any]:
    """By the slot, so that an hour that was missed has its own."""
    found = collect_metrics(current_run().slot, utc_now())
    log.info("metrics of the hour since %s: %s", found["since"], found["queues"])
    return found
