"""Retention: ended jobs, sessions, the audit trail and snapshots, each as long as the settings say (S4-14, C38)."""

from __future__ import annotations

import logging

from app.clock import utc_now
from app.domains.maintenance.retention import trim_everything

name = "retentionCleanup"
title = "Cleanup"
schedule = "0 4 * * *"
timeout_s = 3_600
environments = ["production"]
reads = "job_status, cron_session, audit_entry, snapshots, sent_mails; Redis, for jobs that it still holds"
writes = "removes what is older than its retention; a line in the audit trail if that was trimmed"
proof = "tests/domains/maintenance/test_retention.py::test_everything_goes_by_its_own_retention"


def run(log: logging.Logger) -> dict[str, int]:
    """Trim everything."""
    trimmed = trim_everything(utc_now())
    log.info("removed: %s", trimmed)
    return trimmed
