"""Takes a job that does not run out of wherever it waits, and ends it, outside of any worker."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Literal

from app.broker import outcome, schedulers
from app.broker.claims import broken_parent
from app.broker.errors import JobNotFound
from app.broker.job import Job
from app.broker.options import attempts
from app.broker.recorder import Claim, End, Ended, EndKind
from app.broker.scripts import scripts
from app.broker.settle import Settlement

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker
    from app.broker.queue import Queue

PARTS = ("active", "wait", "prioritized", "delayed", "waiting-children", "completed", "failed")
Taken = Literal["taken", "active", "ended", "missing"]


def end_where_it_waits(
    broker: BullMQBroker, queue: Queue, job_id: str, ended: Ended, *, worker: str, deferred: str = ""
) -> Taken:
    """End the job so, if it waits: "taken". One that runs is left: ``deferred`` is why its next claim is to fail it.

    ``worker`` says who has done it. Raises JobNotFound for a job that goes meanwhile.
    """
    token = f"{worker}:{secrets.token_hex(8)}"
    keys = [*queue.keys.all(*PARTS, job_id), queue.keys.lock(job_id)]
    found: Taken = queue.run("take", keys, [job_id, token, broker.lock_ms, deferred])
    if found == "taken":
        _end(broker, queue, job_id, ended, worker=worker, token=token)
    return found


def _end(broker: BullMQBroker, queue: Queue, job_id: str, ended: Ended, *, worker: str, token: str) -> None:
    fields: dict[str, str] = queue.redis.hgetall(queue.keys[job_id])  # type: ignore[assignment]  # replies are decoded
    if not fields:
        raise JobNotFound(queue.name, job_id)
    job = Job.from_hash(queue, job_id, fields)
    now_ms = broker.clock.now_ms()
    claim = Claim(
        queue=queue.name,
        id=job_id,
        added_ms=job.timestamp,
        name=job.name,
        data=job.data,
        worker=worker,
        claimed_ms=now_ms,
        attempt=job.attempts_made,
        attempts=attempts(job.opts),
        crashes=job.crashes,
        deferred_failure=None,
        opts=job.opts,
        stacktrace=job.stacktrace,
        broken_parent=broken_parent(fields),
    )
    if ended.kind is EndKind.COMPLETED:
        end = End(claim, None, EndKind.COMPLETED, now_ms, now_ms, return_value=ended.return_value)
    else:
        end = outcome.refused(claim, None, ended.reason, now_ms)
    with broker.redis.pipeline(transaction=False) as pipe:
        Settlement(scripts(broker.redis), pipe, now_ms, broker.metrics_points).settle(queue.keys, end, token)
        pipe.execute()
    if job.scheduler_id:
        schedulers.advance(queue, job)
