"""Jobs as pages show them, from Redis or from the ledger: one line in a list, data without what is personal (C46)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.broker.job import Job, Malformed
from app.clock import from_ms
from app.jobs.personal import redacted
from app.models.job_status import JobStatus, Status

#: A line of a list shows so much of a job's data.
LINE = 120


@dataclass(frozen=True, slots=True)
class Line:
    """A job in a list. ``at`` is the moment that its state is about: its end, its due time, its start, its add."""

    queue: str
    id: str
    name: str
    state: str
    data: str
    at: datetime | None
    attempts: int
    error: str | None
    took_ms: int | None = None


def of_job(job: Job, state: str) -> Line:
    """As it stands in that list of Redis; a delayed one that has failed before is ``retrying`` (C15)."""
    is_retry = state == "delayed" and job.attempts_made > 0
    at = {
        "completed": job.finished_on,
        "failed": job.finished_on,
        "active": job.processed_on,
        "delayed": job.timestamp + job.delay if not is_retry else None,
    }.get(state, job.timestamp)
    ended = job.finished_on is not None and job.processed_on is not None
    return Line(
        queue=job.queue.name,
        id=job.id,
        name=job.name,
        state="retrying" if is_retry else state,
        data=in_a_line(job.data),
        at=None if at is None else from_ms(at),
        attempts=job.attempts_made,
        error=redacted(job.failed_reason) if state == "failed" or is_retry else None,
        took_ms=(job.finished_on or 0) - (job.processed_on or 0) if ended else None,
    )


def of_row(row: JobStatus) -> Line:
    """As the ledger has it."""
    is_retry = row.status == Status.DELAYED and row.attempts_made > 0
    return Line(
        queue=row.queue,
        id=row.job_id,
        name=row.name,
        state="retrying" if is_retry else row.status,
        data=in_a_line(row.data),
        at=row.ended_at or row.due_at or row.started_at or row.queued_at,
        attempts=row.attempts_made,
        error=redacted(row.error),
        took_ms=row.duration_ms if row.ended_at else None,
    )


def in_a_line(data: Any) -> str:
    """Data in short."""
    text = json.dumps(_plain(data), ensure_ascii=False)
    return text if len(text) <= LINE else f"{text[: LINE - 1]}…"


def in_full(data: Any) -> str:
    """Data to be read."""
    return json.dumps(_plain(data), ensure_ascii=False, indent=2)


def _plain(data: Any) -> Any:
    return redacted(data.text if isinstance(data, Malformed) else data)
