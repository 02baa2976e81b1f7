"""Daily cleanup: old logs, expired tokens and temporary files, one after the other in their queue (S3-7)."""

from __future__ import annotations

import logging
from typing import get_args

from app import db
from app.crontab.running import current_run
from app.crontab.slots import slot_name
from app.jobs.catalog import CLEAN_UP
from app.jobs.enqueue import enqueue
from app.jobs.payloads import CleanUp, CleanupKind

name = "dailyCleanup"
schedule = "0 2 * * *"
attempts = 3
reads = "nothing"
writes = "a job a kind to the queue cleanup, once a slot"
proof = "tests/domains/maintenance/test_hygiene.py::test_the_nights_clean_up_is_a_job_a_kind"


def run(log: logging.Logger) -> dict[str, int]:
    """Promise one job a kind; a second attempt finds them promised."""
    slot = slot_name(current_run().slot)
    kinds: tuple[CleanupKind, ...] = get_args(CleanupKind)
    with db.session() as session:
        for kind in kinds:
            key = f"cleanup-{kind}-{slot}"
            enqueue(CLEAN_UP, CleanUp(kind=kind), session=session, job_id=key, promise_key=key)
    log.info("clean-ups promised: %s", ", ".join(kinds))
    return {"jobs": len(kinds)}
