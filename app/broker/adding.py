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
PARENT = ("meta", "id", "delayed", "waiting-children", "completed", "events")


def queue_add(scripts: Scripts, pipe: Pipeline, keys: QueueKeys, job: NewJob) -> None:
    """Queue the script call that adds this job. Its reply is the id, or a negative code."""
    args = [_header(keys, job), encode_json(job.data), msgpack.packb(shortened(job.opts))]
    if job.has_children:
        scripts.run("addParentJob", keys.all(*PARENT), args, pipe)
    elif job.delay_ms:
        scripts.run("addDelayedJob", keys.all(*DELAYED), args, pipe)
    elif job.priority:
        scripts.run("addPrioritizedJob", keys.all(*PRIORITIZED), args, pipe)
    else:
        scripts.run("addStandardJob", keys.all(*STANDARD), args, pipe)


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
