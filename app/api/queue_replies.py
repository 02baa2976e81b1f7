"""Queues and their jobs as the API shows them, in the names of document 003; personal data are hidden (C46)."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from app.broker.job import Job, Malformed
from app.broker.queue import Queue
from app.jobs.personal import redacted


class Counts(TypedDict):
    """Document 003's five counts of a queue."""

    waiting: int
    active: int
    completed: int
    failed: int
    delayed: int


class QueuedJob(TypedDict):
    """A job's status, exactly as documented (S3-11); times are milliseconds since the epoch."""

    id: str
    name: str
    data: Any
    progress: Any
    attemptsMade: int
    processedOn: int | None
    finishedOn: int | None


class ListedJob(QueuedJob):
    """With what tells one job from the next; ``delay`` in ms."""

    timestamp: int
    delay: int
    priority: int
    failedReason: str | None


class JobLogs(TypedDict):
    """What a job said of itself, and the errors of its failed runs in full, oldest first."""

    logs: list[str]
    count: int
    failedReason: str | None
    stacktrace: list[str]


def metrics_of(queue: Queue) -> Counts:
    """Its five counts; prioritized jobs are among the waiting (C40), those that wait for a retry are delayed (C15)."""
    counts = queue.get_job_counts()
    return {
        "waiting": counts["waiting"] + counts["prioritized"],
        "active": counts["active"],
        "completed": counts["completed"],
        "failed": counts["failed"],
        "delayed": counts["delayed"],
    }


def job_as_dict(job: Job) -> QueuedJob:
    """One job, its personal data hidden."""
    return {
        "id": job.id,
        "name": job.name,
        "data": _shown(job.data),
        "progress": _shown(job.progress),
        "attemptsMade": job.attempts_made,
        "processedOn": job.processed_on,
        "finishedOn": job.finished_on,
    }


def listed(job: Job) -> ListedJob:
    """The same in a list, with what tells one job from the next; ``delay`` in ms."""
    return {
        **job_as_dict(job),
        "timestamp": job.timestamp,
        "delay": job.delay,
        "priority": job.priority,
        "failedReason": redacted(job.failed_reason),
    }


def logs_of(job: Job) -> JobLogs:
    """What the job said of itself, and the errors of its failed runs in full, oldest first (S3-21)."""
    lines = job.get_logs()
    return {
        "logs": redacted(lines),
        "count": len(lines),
        "failedReason": redacted(job.failed_reason),
        "stacktrace": redacted(list(job.stacktrace)),
    }


def _shown(value: Any) -> Any:
    """What was no JSON is shown as the text that it was."""
    return redacted(value.text if isinstance(value, Malformed) else value)
