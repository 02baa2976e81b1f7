"""How a job enters a queue: BullMQ's add scripts, one for each way in."""

from __future__ import annotations

from typing import Any

import msgpack
from redis.client import Pipeline

from app.broker.job import encode_json
from app.broker.keys import QueueKeys
from app.broker.options import shortened
from app.broker.recorder import NewJob
from app.broker.scripts import Scripts

STANDARD = ("wait", "paused", "meta", "id", "completed", "delayed", "active", "events", "marker")
PRIORITIZED = ("marker", "meta", "id", "prioritized", "delayed", "completed", "active", "events", "pc")
DELAYED = ("marker", "meta", "id", "delayed", "completed", "events")
#: What is behind a job that comes back, as long as it is this very job; returns the timestamp of the one that stands.
_COUNTS = """
local timestamp = redis.call('HGET', KEYS[1], 'timestamp')
if timestamp ~= ARGV[1] then return timestamp end
if ARGV[2] ~= '0' then redis.call('HSETNX', KEYS[1], 'atm', ARGV[2]) end
if ARGV[3] ~= '0' then redis.call('HSETNX', KEYS[1], 'stc', ARGV[3]) end
return timestamp
"""
PARENT = ("meta", "id", "delayed", "waiting-children", "completed", "events")


def queue_add(scripts: Scripts, pipe: Pipeline, keys: QueueKeys, job: NewJob) -> None:
    """Queue the script call that adds this job. Its reply is the id, or a negative code."""
    # A job that comes back may have another delay than it was promised with.
    opts = {**job.opts, "delay": job.delay_ms}
    args = [_header(keys, job), encode_json(job.data), msgpack.packb(shortened(opts))]
    if job.has_children:
        scripts.run("addParentJob", keys.all(*PARENT), args, pipe)
    elif job.delay_ms:
        scripts.run("addDelayedJob", keys.all(*DELAYED), args, pipe)
    elif job.priority:
        scripts.run("addPrioritizedJob", keys.all(*PRIORITIZED), args, pipe)
    else:
        scripts.run("addStandardJob", keys.all(*STANDARD), args, pipe)


def queue_counts(pipe: Pipeline, keys: QueueKeys, job: NewJob) -> None:
    """Queue what gives a job that comes back its attempts and crashes; call it right behind ``queue_add``.

    Its reply is the timestamp of the job that then has the id; None if there is none any more.
    """
    if job.attempts_made or job.crashes:
        pipe.eval(_COUNTS, 1, keys[job.id], str(job.added_ms), str(job.attempts_made), str(job.crashes))
    else:
        pipe.hget(keys[job.id], "timestamp")


def _header(keys: QueueKeys, job: NewJob) -> bytes:
    deduplication = (job.opts.get("deduplication") or {}).get("id")
    parent = job.parent
    fields: list[Any] = [
        keys[""],
        job.id,
        job.name,
        job.added_ms,
        parent.key if parent else None,
        f"{parent.key}:dependencies" if parent else None,
        {"id": parent.id, "queueKey": parent.queue_key, **_policy(job)} if parent else None,
        None,
        keys[f"de:{deduplication}"] if deduplication else None,
    ]
    return bytes(msgpack.packb(fields))


def _policy(job: NewJob) -> dict[str, bool]:
    """What this child's failure means for its parent."""
    return {name: True for name in ("fpof", "cpof", "idof", "rdof") if shortened(job.opts).get(name)}
