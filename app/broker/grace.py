"""A job that no worker of this release can run may be another release's: it waits a while for that one's workers."""

from __future__ import annotations

from contextlib import suppress

from app.broker.errors import JobNotFound
from app.broker.queue import Queue

#: It is offered again this often, this much later.
OFFERS = 3
WAIT_MS = 15_000


def may_wait(queue: Queue, job_id: str, reason: str) -> bool:
    """Whether the job waits once more for that reason, which then stands in its log. Raises redis.RedisError."""
    if queue.get_logs(job_id).count(reason) >= OFFERS:
        return False
    with suppress(JobNotFound):  # its end finds that out
        queue.log(job_id, reason)
    return True
