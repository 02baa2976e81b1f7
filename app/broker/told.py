"""The log lines of document 003 (S3-20): each once, where it is decided, with the fields that it names.

The document's text is the message; ``event_name`` stands beside it (C30). Whoever formats the log shows the fields.
What goes well is told when this logger's level asks for it: under plain Dramatiq a line a job is a fifth of what a
job costs, and Dramatiq's own format shows no field of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from app.broker.recorder import End, EndKind, NewJob

log = logging.getLogger(__name__)
if log.level == logging.NOTSET:
    log.setLevel(logging.WARNING)


def added(jobs: Iterable[NewJob]) -> None:
    """Redis has them, now."""
    if log.isEnabledFor(logging.INFO):
        for job in jobs:
            named = {"queue": job.queue, "jobName": job.name, "jobId": job.id}
            log.info("Job added to queue", extra={"event_name": "job.added", **named})


def ended(ends: Iterable[End]) -> None:
    """Runs that have ended in the record and in Redis; a parked or released one has not failed, and is no news."""
    if log.isEnabledFor(logging.INFO):
        for end in ends:
            _ended(end)


def progressed(queue: str, job_id: str, progress: Any) -> None:
    """A running job has said how far it is."""
    fields = {"event_name": "job.progress", "queue": queue, "jobId": job_id, "progress": progress}
    log.debug("Job progress", extra=fields)


def _ended(end: End) -> None:
    fields = {"queue": end.claim.queue, "jobId": end.claim.id}
    match end.kind:
        case EndKind.COMPLETED:
            log.info("Job completed", extra={"event_name": "job.completed", **fields})
        case EndKind.FAILED:
            log.error("Job failed", extra={"event_name": "job.failed", **fields, "reason": end.reason})
        case EndKind.RETRYING:
            again = {"event_name": "job.retrying", **fields, "reason": end.reason, "attempt": end.claim.attempt}
            log.warning("Job is tried again", extra=again)
