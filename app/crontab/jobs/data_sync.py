"""Data sync: where each seller may sell, asked of Amazon anew (S4-14, C38)."""

from __future__ import annotations

import logging

from app.broker.connection import connect
from app.crontab.running import current_run
from app.domains.refresh.participations import refresh_participations
from app.settings import settings

name = "dataSync"
schedule = "15 * * * *"
timeout_s = 1_800
environments = ["staging"]
reads = "seller_accounts that are active; Amazon's marketplace participations"
writes = "marketplace_participations; seller_accounts.state of those that were revoked"
proof = "tests/domains/refresh/test_participations.py::test_participations_become_what_amazon_says"


def run(log: logging.Logger) -> dict[str, int]:
    """Ask for each account, those that were asked longest ago first."""
    done = refresh_participations(connect(settings().cache_redis_url), current_run().entry_id)
    log.info("marketplace participations: %s", done)
    return done
