"""Monthly reports: each publisher's last month to its members, at its own 08:00 or at once (S3-4, C38)."""

from __future__ import annotations

import logging

from app.crontab.running import current_run
from app.domains.publishers.reports.ask import promise_reports

name = "monthlyReports"
schedule = "0 8 1 * *"
timeout_s = 600
attempts = 3
reads = "publishers; reports"
writes = "a report and a job a publisher, once a slot"
proof = "tests/domains/publishers/reports/test_ask.py::test_each_publishers_last_month_is_due_at_its_own_eight_oclock"


def run(log: logging.Logger) -> dict[str, int]:
    """Promise them."""
    promised = promise_reports("monthly", current_run().slot)
    log.info("%d reports promised", promised)
    return {"promised": promised}
