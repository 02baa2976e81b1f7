"""Clean up sessions: records of runs that are too old to matter (S4-8)."""

from __future__ import annotations

import logging

from app.clock import utc_now
from app.domains.maintenance.retention import trim_sessions

name = "cleanupSessions"
schedule = "0 1 * * *"
timeout_s = 600
reads = "cron_session"
writes = "cron_session: removes what ended before SESSION_RETENTION_DAYS, but each entry's newest"
proof = "tests/domains/maintenance/test_retention.py::test_old_sessions_go_and_each_entrys_newest_stays"


def run(log: logging.Logger) -> dict[str, int]:
    """Trim them."""
    trimmed = trim_sessions(utc_now())
    log.info("%d old sessions removed", trimmed)
    return {"sessions": trimmed}
