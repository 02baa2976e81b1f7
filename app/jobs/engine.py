"""This process's broker, with the ledger as its recorder."""

from __future__ import annotations

from functools import lru_cache

from app import db
from app.broker.broker import BullMQBroker
from app.broker.connection import new_client
from app.broker.errors import QueueNotFound
from app.broker.job import Job
from app.broker.queue import Queue
from app.jobs.catalog import SPECS, concurrency, default_actors, queues
from app.ledger.errors import unavailable_when_operational
from app.ledger.recorder import Ledger
from app.ledger.settings import has_epoch
from app.pings import PATIENCE_S, answers_as
from app.settings import settings


def broker() -> BullMQBroker:
    """The broker on ``QUEUE_REDIS_URL``. Created on first use; connects when it is used."""
    return _broker(settings().queue_redis_url, settings().queue_prefix)


@lru_cache
def _broker(url: str, prefix: str) -> BullMQBroker:
    return BullMQBroker(
        url,
        prefix=prefix,
        concurrency=concurrency(),
        default_actors=default_actors(),
        recorder=Ledger(
            unrecorded={spec.name for spec in SPECS.values() if not spec.recorded},
            confirm_within_s=settings().confirm_within_ms / 1_000,
        ),
        guarded=lambda: is_guarded(prefix),
        shutdown_grace_s=settings().shutdown_grace_s,
    )


def is_guarded(prefix: str) -> bool:
    """Whether a reconciler keeps watch over what these queues lose, so that claims may wait for it."""
    with unavailable_when_operational(), db.engine().connect() as connection:
        return has_epoch(connection, prefix)


def find_queue(name: str) -> Queue:
    """The queue of that name; ``:`` may stand for ``-`` (C4). Raises QueueNotFound, naming the known ones."""
    canonical = name.replace(":", "-")
    if canonical not in queues():
        raise QueueNotFound(name, queues())
    return broker().queue(canonical)


def job_of(queue: Queue, job_id: str) -> Job | None:
    """The job in that queue; None if there is none.

    The queue's own keys have names that could be ids, such as ``meta``: only a job has a time.
    """
    key = queue.keys[job_id]
    is_job = queue.redis.type(key) == "hash" and queue.redis.hexists(key, "timestamp")
    return queue.get_job(job_id) if is_job else None


def queue_of(job_id: str) -> str | None:
    """The name of a queue that holds a job of that id; None if none does."""
    names = queues()
    with broker().redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hexists(broker().queue(name).keys[job_id], "timestamp")
        held = pipe.execute(raise_on_error=False)  # the error of a queue's own key, which is no hash
    return next((name for name, has in zip(names, held, strict=True) if has is True), None)


@answers_as(lambda: "queues")
def _ping() -> None:
    """Through a connection of its own: the broker's are patient enough for a job, not for a probe."""
    with new_client(settings().queue_redis_url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S) as client:
        client.ping()
