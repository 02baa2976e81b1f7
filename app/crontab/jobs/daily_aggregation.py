"""Daily aggregation: each publisher's day before becomes rollups, at 01:00 in the publisher's own zone (S3-2)."""

from __future__ import annotations

import logging

from app.crontab.running import current_run
from app.domains.publishers.aggregation.nightly import promise_aggregations

name = "dailyAggregation"
schedule = "0 1 * * *"
catch_up = "all"
timeout_s = 600
attempts = 3
reads = "publishers; ad_events received since the slot before"
writes = "a job a publisher and granularity (hour, day, week, month), due at its next 01:00, once a slot"
proof = "tests/domains/publishers/aggregation/test_nightly.py::test_each_publishers_day_before_is_due_at_its_one_oclock"


def run(log: logging.Logger) -> dict[str, int]:
    """Promise them."""
    promised = promise_aggregations(current_run().slot)
    log.info("%d aggregations promised", promised)
    return {"promised": promised}
