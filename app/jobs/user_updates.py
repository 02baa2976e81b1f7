"""The main queue, as the documents' producer has it: enqueueUser, enqueueUsers, getQueueStats, removeJob (S2-3)."""

from __future__ import annotations

from collections.abc import Sequence

from app.jobs.catalog import PROCESS_USER_DATA, USER_UPDATES
from app.jobs.engine import find_queue
from app.jobs.enqueue import enqueue, new_job
from app.jobs.payloads import Cadence, ProcessUserData

CHUNK = 1_000


def enqueue_user(
    user_id: str, cadence: Cadence = "daily", *, country: str | None = None, region: str | None = None
) -> str:
    """Refresh this user soon, or one of their accounts; returns the job's id. Asked twice, it is done twice."""
    payload = ProcessUserData(user_id=user_id, cadence=cadence, country=country, region=region)
    return enqueue(PROCESS_USER_DATA, payload)


def enqueue_users(user_ids: Sequence[str], cadence: Cadence = "daily") -> list[str]:
    """Refresh these users soon; returns the jobs' ids in their order."""
    queue = find_queue(USER_UPDATES)
    job_ids: list[str] = []
    for start in range(0, len(user_ids), CHUNK):
        chunk = user_ids[start : start + CHUNK]
        payloads = [ProcessUserData(user_id=user_id, cadence=cadence) for user_id in chunk]
        jobs = [
            new_job(PROCESS_USER_DATA, payload, job_id=job_id)
            for job_id, payload in zip(queue.next_ids(len(chunk)), payloads, strict=True)
        ]
        queue.add_bulk(jobs)
        job_ids += [job.id for job in jobs]
    return job_ids


def get_queue_stats() -> dict[str, int | bool]:
    """Jobs by state, whether the queue is paused, and how many workers listen. Source: CONTRACTS C40."""
    queue = find_queue(USER_UPDATES)
    counts = queue.get_job_counts()
    return {
        **{state: count for state, count in counts.items() if state != "waiting-children"},
        "paused": queue.is_paused(),
        "workers": len(queue.get_workers()),
    }


def remove_job(job_id: str) -> None:
    """Remove a job that is not running; its row ends ``removed``. Raises JobNotFound or JobLocked."""
    find_queue(USER_UPDATES).remove(job_id)
