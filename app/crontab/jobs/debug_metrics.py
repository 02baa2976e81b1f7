"""Debug metrics: every queue as it is, each minute, on developers' machines (S4-14, C38)."""

from __future__ import annotations

import logging
from typing import Any

from app.clock import utc_now
from app.crontab.running import current_run
from app.domains.maintenance.metrics import take_queue_snapshot

name = "debugMetrics"
schedule = "* * * * *"
catch_up = "skip"
environments = ["development"]
reads = "every queue's counts; workers"
writes = "snapshots: one a minute"
proof = "tests/domains/maintenance/test_metrics.py::test_a_queue_snapshot_counts_what_is_in_the_queues"


def run(log: logging.Logger) -> dict[str, Any]:
    """Count them."""
    found = take_queue_snapshot(current_run().slot, utc_now())
    log.debug("queues: %s", found["queues"])
    return found
