"""Failed jobs run again, many at once: of one error, or of one queue. A job of its own does it, in chunks.

Whoever asks for it has seen how many there are; what fails after that moment is not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

from app import db
from app.broker.queue import Queue
from app.broker.scripts import scripts
from app.clock import from_ms, utc_now
from app.jobs.catalog import RETRY_FAILED
from app.jobs.engine import broker, find_queue
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import RetryFailed
from app.ledger import audit
from app.ledger.errors import unavailable_when_operational
from app.ledger.failures import count_failed, failed_jobs, find_group
from app.models.job_status import JobStatus

AT_ONCE = 500

Progress = Callable[[int], object]


def ask_for_group(session: Session, group: str, *, by: str, why: str | None = None) -> str:
    """Promise the job that retries them, with its line on the audit trail; its id. Raises GroupNotFound."""
    find_group(session, group)
    found = count_failed(session, group)
    details = {"jobs": found.number, "orMore": found.capped}
    return _ask(session, RetryFailed(group=group, before_ms=_now_ms()), details, by=by, why=why)


def ask_for_queue(session: Session, queue: Queue, *, by: str, why: str | None = None) -> str:
    """The same for every failed job that Redis holds in that queue."""
    details = {"jobs": queue.get_job_counts()["failed"]}
    return _ask(session, RetryFailed(queue=queue.name, before_ms=_now_ms()), details, by=by, why=why)


def _ask(session: Session, asked: RetryFailed, details: Mapping[str, Any], *, by: str, why: str | None) -> str:
    target = f"error {asked.group}" if asked.group else f"queue {asked.queue}"
    job = new_job(RETRY_FAILED, asked)
    audit.record(session, by, "failures.retried", target, at=utc_now(), why=why, details={**details, "jobId": job.id})
    enqueue_with(session, [job])
    return job.id


def _now_ms() -> int:
    """Redis's time: ends are told by it."""
    return broker().clock.now_ms()


def retry_failed(asked: RetryFailed, progress: Progress) -> dict[str, int]:
    """Do what was asked; returns how many were ``retried``, and how many Redis holds no longer: these stay failed."""
    before = from_ms(asked.before_ms)
    if asked.group is not None:
        return retry_group(asked.group, before, progress)
    return retry_queue(asked.queue or "", before)


def retry_group(group: str, before: datetime, progress: Progress) -> dict[str, int]:
    """Run every job again that had failed with that error before that moment; tells how many after each chunk.

    Repeated after a crash it goes on: who has been retried is failed no more, or failed later.
    """
    retried = gone = 0
    for rows in _chunks(group, before):
        for name, of_queue in groupby(sorted(rows, key=_queue), key=_queue):
            ids = [row.job_id for row in of_queue]
            done = _retry(find_queue(name), ids)
            retried += done
            gone += len(ids) - done
        progress(retried)
    return {"retried": retried, "gone": gone}


def retry_queue(name: str, before: datetime) -> dict[str, int]:
    """Run every job of that queue again that Redis holds as failed since before that moment."""
    queue = find_queue(name)
    until_ms = int(before.timestamp() * 1_000)
    retried = int(queue.redis.zcount(queue.keys["failed"], "-inf", until_ms))
    queue.retry_jobs("failed", until_ms)
    return {"retried": retried, "gone": 0}


def _chunks(group: str, before: datetime) -> Iterator[Sequence[JobStatus]]:
    """From the latest to the oldest, by the index; a page begins behind the last of the page before."""
    after: tuple[datetime, int] | None = None
    while True:
        page = failed_jobs(group, AT_ONCE).where(JobStatus.ended_at < before)
        if after is not None:
            at, last = after
            later = (JobStatus.ended_at < at) | ((JobStatus.ended_at == at) & (JobStatus.id < last))
            page = page.where(JobStatus.ended_at <= at, later)
        with unavailable_when_operational(), db.reading() as session:
            rows = session.scalars(page).all()
        if not rows:
            return
        yield rows
        last_row = rows[-1]
        assert last_row.ended_at is not None  # noqa: S101 - narrows the type
        after = last_row.ended_at, last_row.id


def _retry(queue: Queue, job_ids: Sequence[str]) -> int:
    """As Job.retry does, with one round trip for all. The rows open first; returns how many jobs wait again."""
    with queue.redis.pipeline(transaction=False) as pipe:
        for job_id in job_ids:
            pipe.zscore(queue.keys["failed"], job_id)
        failed = [job_id for job_id, score in zip(job_ids, pipe.execute(), strict=True) if score is not None]
    if not failed:
        return 0
    queue.before_retry(failed)
    with queue.redis.pipeline(transaction=False) as pipe:
        for job_id in failed:
            keys = queue.keys.all(job_id, "events", "failed", "wait", "meta", "active", "marker", "prioritized", "pc")
            args = [job_id, "LPUSH", "failedReason", "failed", "1", "1"]
            scripts(broker().redis).run("reprocessJob", keys, args, pipe)
        return sum(reply == 1 for reply in pipe.execute())


def _queue(row: JobStatus) -> str:
    return row.queue
