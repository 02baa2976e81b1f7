"""Hourly metrics: each publisher's performance in the hour before (S3-5)."""

from __future__ import annotations

import logging

from app.crontab.running import current_run
from app.domains.publishers.metrics.hourly import promise_hourly_metrics

name = "hourlyMetrics"
schedule = "0 * * * *"
timeout_s = 600
attempts = 3
reads = "publishers"
writes = "a job a publisher to the queue metrics-calculation, once a slot"
proof = "tests/domains/publishers/metrics/test_hourly.py::test_the_hour_before_is_calculated_once_for_each_publisher"


def run(log: logging.Logger) -> dict[str, int]:
    """Promise them."""
    promised = promise_hourly_metrics(current_run().slot)
    log.info("%d calculations promised", promised)
    return {"promised": promised}
