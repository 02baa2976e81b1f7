"""A job that somebody asks for by name: its name, its data and its queue checked against the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from app.broker.recorder import NewJob
from app.clock import utc_now
from app.jobs import catalog
from app.jobs.catalog import JobSpec
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import Payload
from app.ledger import audit


class UnknownJobName(ValueError):
    """Nothing on that queue runs a job of this name."""

    def __init__(self, queue: str, name: str, known: list[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(f"no job {name!r} can be added by hand to queue {queue!r}; known names: {names}")


def add(
    session: Session,
    queue: str,
    name: str,
    data: Mapping[str, Any],
    *,
    priority: int = 0,
    delay_ms: int = 0,
    by: str,
    why: str | None = None,
) -> str:
    """Promise it in the caller's transaction, with its line on the audit trail; its id. Raises as ``job_by_hand``."""
    job = job_by_hand(queue, name, data, priority=priority, delay_ms=delay_ms)
    details = {"jobName": job.name, "priority": priority, "delay": delay_ms}
    audit.record(session, by, "job.added", f"job {queue}/{job.id}"[:255], at=utc_now(), why=why, details=details)
    enqueue_with(session, [job])
    return job.id


def job_by_hand(
    queue: str,
    name: str,
    data: Mapping[str, Any],
    *,
    job_id: str | None = None,
    priority: int = 0,
    delay_ms: int = 0,
    promise_key: str | None = None,
) -> NewJob:
    """The job to be added. Raises UnknownJobName, pydantic's ValidationError.

    ``queue`` is its canonical name. On a queue whose default job takes any name, ``name`` is a label (C29).
    """
    spec, payload = check(queue, name, data)
    job = new_job(spec, payload, job_id=job_id, priority=priority, delay_ms=delay_ms, promise_key=promise_key)
    return replace(job, name=name)


def check(queue: str, name: str, data: Mapping[str, Any]) -> tuple[JobSpec[Any], Payload]:
    """What runs it, and its data as that understands them. Raises UnknownJobName, pydantic's ValidationError."""
    spec = spec_by_hand(queue, name)
    return spec, spec.payload.model_validate(data)


def names(queue: str) -> list[str]:
    """The names that may be added to that queue by hand."""
    return sorted(_of_queue(queue))


def spec_by_hand(queue: str, name: str) -> JobSpec[Any]:
    """What runs it. Another queue's job is no label: it would be a mistake. Raises UnknownJobName."""
    of_queue = _of_queue(queue)
    default = next((spec for spec in of_queue.values() if spec.takes_any_name), None)
    found = of_queue.get(name) or (default if name not in catalog.SPECS else None)
    if found is None:
        raise UnknownJobName(queue, name, sorted(of_queue))
    return found


def _of_queue(queue: str) -> dict[str, JobSpec[Any]]:
    return {spec.name: spec for spec in catalog.SPECS.values() if spec.queue == queue and not spec.internal}
