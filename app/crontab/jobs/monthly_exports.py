"""Monthly exports: each publisher's last month as CSV, at 06:00 in the publisher's own zone (S3-3, C38)."""

from __future__ import annotations

import logging

from app.crontab.running import current_run
from app.domains.publishers.exports.ask import promise_exports

name = "monthlyExports"
schedule = "0 6 1 * *"
timeout_s = 600
attempts = 3
reads = "publishers; exports"
writes = "an export and a job a publisher, once a slot"
proof = "tests/domains/publishers/exports/test_ask.py::test_each_publishers_last_month_is_due_at_its_own_six_oclock"


def run(log: logging.Logger) -> dict[str, int]:
    """Promise them."""
    promised = promise_exports("monthly", current_run().slot)
    log.info("%d exports promised", promised)
    return {"promised": promised}
