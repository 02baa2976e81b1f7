"""Enqueue a spec and a payload, never an actor: whoever adds a job need not be able to run it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from redis.exceptions import RedisError
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.broker.options import exponential
from app.broker.recorder import NewJob, RecorderUnavailable
from app.jobs.catalog import JobSpec, P
from app.jobs.engine import find_queue
from app.jobs.versions import version_option
from app.ledger.promises import promise

log = logging.getLogger(__name__)


def enqueue(
    spec: JobSpec[P],
    payload: P,
    *,
    job_id: str | None = None,
    delay_ms: int = 0,
    priority: int = 0,
    promise_key: str | None = None,
) -> str:
    """Add one job; returns its id. Its row is written first, so whatever dies afterwards, it is not lost (R3).

    ``priority`` 0 comes before all others, then 1, 2 …. Under a ``promise_key`` that was used before, nothing is added.
    """
    job = new_job(spec, payload, job_id=job_id, delay_ms=delay_ms, priority=priority, promise_key=promise_key)
    find_queue(spec.queue).add_bulk([job])
    return job.id


def enqueue_with(session: Session, jobs: Sequence[NewJob]) -> None:
    """Promise jobs of one queue in the caller's transaction; they are added right after its commit.

    A failure to add is logged, not raised: the promise stands, and the producer adds what was not confirmed (R11).
    """
    to_add = promise(session.connection(), jobs)
    if to_add:
        event.listen(session, "after_commit", lambda _session: add_promised(to_add), once=True)


def add_promised(jobs: Sequence[NewJob]) -> None:
    """Add jobs of one queue whose rows are committed."""
    try:
        find_queue(jobs[0].queue).add_recorded(jobs)
    except (RedisError, RecorderUnavailable) as error:
        log.warning("%d promised jobs of queue %s wait for their repair: %s", len(jobs), jobs[0].queue, error)


def new_job(
    spec: JobSpec[P],
    payload: P,
    *,
    job_id: str | None = None,
    delay_ms: int = 0,
    priority: int = 0,
    promise_key: str | None = None,
) -> NewJob:
    """The job to be added, with the options of its spec."""
    job = find_queue(spec.queue).new_job(
        spec.name,
        payload.model_dump(mode="json", exclude_none=True),
        job_id=job_id,
        delay_ms=delay_ms,
        priority=priority,
        attempts=spec.attempts_allowed,
        backoff=exponential(spec.first_wait_ms),
        remove_on_complete=dict(spec.keep_completed),
        remove_on_fail=dict(spec.keep_failed),
        opts=version_option(spec),
    )
    return replace(job, promise_key=promise_key)
