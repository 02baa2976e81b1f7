"""Backup: the whole database in one file (S4-14, C38)."""

from __future__ import annotations

import logging
from typing import Any

from app.crontab.running import current_run
from app.domains.maintenance.backups import back_up

name = "backup"
schedule = "30 3 * * *"
timeout_s = 6 * 3_600
attempts = 3
environments = ["production"]
reads = "every table, as of one moment"
writes = "a file in BACKUP_DIR; removes those beyond BACKUP_KEEP"
proof = "tests/domains/maintenance/test_backups.py::test_the_nights_file_restores_what_was_there"


def run(log: logging.Logger) -> dict[str, Any]:
    """Write it, and keep the newest."""
    done = back_up(current_run().slot)
    log.info("backup: %s", done)
    return done
