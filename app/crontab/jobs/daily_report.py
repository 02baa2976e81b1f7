"""Daily report: the day's totals, mailed to the admins (S4-14, C38)."""

from __future__ import annotations

import logging

from app.clock import utc_now
from app.crontab.running import current_run
from app.domains.maintenance.daily_report import send_daily_report
from app.settings import settings

name = "dailyReport"
schedule = "0 7 * * *"
enabled = bool(settings().smtp_host)
timeout_s = 300
attempts = 4
environments = ["production"]
reads = "job_status and cron_session of 24 h, crontab_entry; users who are admins"
writes = "one mail an admin, and sent_mails"
proof = "tests/domains/maintenance/test_daily_report.py::test_the_days_totals_are_mailed_to_the_admins"


def run(log: logging.Logger) -> dict[str, int]:
    """As of the slot; whoever has had it in an earlier attempt does not get it again."""
    done = send_daily_report(current_run().slot, utc_now())
    log.info("daily report: %s", done)
    return done
