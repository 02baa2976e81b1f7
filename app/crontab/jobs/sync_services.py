"""Sync services: a job for each active shared hosting service, every morning (S1-2)."""

from __future__ import annotations

import logging

from app.crontab.running import current_run
from app.domains.service_sync.rounds import sync_all

name = "syncServices"
schedule = "30 6 * * *"
timezone = "UTC"
timeout_s = 300
attempts = 3
environments = ["production", "staging"]
reads = "hosting_services that are active and shared"
writes = "one job_status row a service, delayed by up to 30 s"
proof = "tests/domains/service_sync/test_rounds.py::test_a_round_is_one_job_for_each_active_shared_service"


def run(log: logging.Logger) -> dict[str, int]:
    """Promise the slot's jobs."""
    promised = sync_all(current_run().slot)
    log.info("%d services are synced within half a minute", len(promised))
    return {"promised": len(promised)}
