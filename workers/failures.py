"""Failed jobs run again for an operator, as an actor."""

from __future__ import annotations

from typing import Any

from app.broker.current import current_job
from app.jobs import retrying
from app.jobs.actor import actor
from app.jobs.catalog import RETRY_FAILED
from app.jobs.payloads import RetryFailed


@actor(RETRY_FAILED)
def retry_failed(**asked: Any) -> dict[str, int]:
    """Retry them, with progress after each chunk."""
    job = current_job()
    return retrying.retry_failed(RetryFailed(**asked), lambda retried: job.update_progress({"retried": retried}))
