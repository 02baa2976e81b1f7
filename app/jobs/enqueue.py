"""Enqueue a spec and a payload, never an actor: whoever adds a job need not be able to run it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import event
from sqlalchemy.orm import Session

from app import db
from app.broker.job_options import JobOptions
from app.broker.options import exponential
from app.broker.recorder import NewJob, RecorderUnavailable
from app.jobs.catalog import JobSpec, P
from app.jobs.engine import find_queue
from app.jobs.versions import version_option
from app.ledger.errors import unavailable_when_operational
from app.ledger.promises import promise, unconfirmed

log = logging.getLogger(__name__)

#: Where a session keeps the jobs that it is to add.
PROMISED = "toril.promised"


def enqueue(
    spec: JobSpec[P],
    payload: P,
    *,
    session: Session | None = None,
    job_id: str | None = None,
    delay_ms: int = 0,
    priority: int = 0,
    promise_key: str | None = None,
) -> str:
    """Add one job; returns its id. Its row is written first, so whatever dies afterwards, it is not lost (R3).

    With a ``session`` its row is part of the caller's transaction: there is a job exactly if that commits. ``priority``
    0 comes before all others, then 1, 2 …. Under a ``promise_key`` that was used before, nothing is added.
    """
    job = new_job(spec, payload, job_id=job_id, delay_ms=delay_ms, priority=priority, promise_key=promise_key)
    if session is None:
        find_queue(spec.queue).add_bulk([job])
    else:
        enqueue_with(session, [job])
    return job.id


def enqueue_with(session: Session, jobs: Sequence[NewJob]) -> None:
    """Promise jobs in the caller's transaction; they are added right after its commit.

    A failure to add is logged, not raised: the promise stands, and the producer adds what was not confirmed (R11).
    """
    to_add = promise(session.connection(), jobs)
    if PROMISED not in session.info:
        session.info[PROMISED] = []
        event.listen(session, "after_commit", _add_what_stands)
    session.info[PROMISED].extend(to_add)


def _add_what_stands(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint: what it holds may still be rolled back
    promised, session.info[PROMISED] = session.info[PROMISED], []
    if promised:
        add_promised(promised)


def add_promised(jobs: Sequence[NewJob]) -> None:
    """Add those of these jobs whose rows are committed: a savepoint may have taken some back."""
    try:
        with unavailable_when_operational(), db.engine().execution_options(reading=True).begin() as connection:
            committed = unconfirmed(connection, jobs)
    except RecorderUnavailable as error:
        log.warning("%d promised jobs wait for their repair: %s", len(jobs), error)
    else:
        add_committed(committed)


def add_committed(jobs: Sequence[NewJob]) -> None:
    """Add jobs whose rows the caller has just committed. A failure is logged: the producer adds them later (R11)."""
    try:
        for queue, of_queue in groupby(sorted(jobs, key=_queue), key=_queue):
            find_queue(queue).add_recorded(list(of_queue))
    except (RedisError, RecorderUnavailable) as error:
        log.warning("%d promised jobs wait for their repair: %s", len(jobs), error)


def _queue(job: NewJob) -> str:
    return job.queue


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
        payload.model_dump(mode="json", by_alias=True, exclude_none=True),
        job_id=job_id,
        **options_of(spec, delay_ms=delay_ms, priority=priority),
    )
    return replace(job, promise_key=promise_key)


def options_of(
    spec: JobSpec[P], *, delay_ms: int = 0, priority: int = 0, opts: Mapping[str, Any] | None = None
) -> JobOptions:
    """Those of the spec, and the job's own."""
    return {
        "delay_ms": delay_ms,
        "priority": priority,
        "attempts": spec.attempts_allowed,
        "backoff": exponential(spec.first_wait_ms),
        "remove_on_complete": dict(spec.keep_completed),
        "remove_on_fail": dict(spec.keep_failed),
        "opts": {**version_option(spec), **(opts or {})},
    }
