"""How the jobs of some rows stand in Redis."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from app.broker.broker import BullMQBroker
from app.broker.job import Job
from app.broker.keys import keeper_beat
from app.broker.queue import Queue
from app.broker.recorder import Ended, EndKind
from app.ledger.repairs import OpenRow
from app.models.job_status import Status

FIELDS = ("timestamp", "finishedOn", "returnvalue", "failedReason")


@dataclass(frozen=True, slots=True)
class Standing:
    """One row, whether Redis has this very job (R1), and its end if it has ended there."""

    row: OpenRow
    is_there: bool
    ended: Ended | None


def look(broker: BullMQBroker, rows: Sequence[OpenRow]) -> Iterator[tuple[Queue, list[Standing]]]:
    """Queue by queue, one round trip each."""
    for name, some in groupby(sorted(rows, key=_queue), key=_queue):
        queue = broker.queue(name)
        of_queue = list(some)
        with queue.redis.pipeline(transaction=False) as pipe:
            for one in of_queue:
                pipe.hmget(queue.keys[one.job.id], *FIELDS)
            yield queue, [_standing(queue, row, fields) for row, fields in zip(of_queue, pipe.execute(), strict=True)]


def is_held(broker: BullMQBroker, row: OpenRow) -> bool:
    """Whether a running job's lock or the beat of its worker's keeper is there."""
    lock = broker.queue(row.job.queue).keys.lock(row.job.id)
    return bool(broker.redis.exists(lock, keeper_beat(broker.prefix, row.worker or "")))


def is_running(broker: BullMQBroker, row: OpenRow, alive: Collection[str]) -> bool:
    """Whether somebody may still run it: its worker lives, or its keeper, or its lock (R14)."""
    return row.status == Status.ACTIVE and (row.worker in alive or is_held(broker, row))


def _queue(row: OpenRow) -> str:
    return row.job.queue


def _standing(queue: Queue, row: OpenRow, fields: Sequence[str | None]) -> Standing:
    timestamp, finished_on, _, reason = fields
    is_there = timestamp == str(row.job.added_ms)
    if not (is_there and finished_on):
        return Standing(row, is_there, None)
    if reason is not None:
        return Standing(row, is_there, Ended(EndKind.FAILED, reason=reason))
    job = Job.from_hash(queue, row.job.id, {k: v for k, v in zip(FIELDS, fields, strict=True) if v is not None})
    return Standing(row, is_there, Ended(EndKind.COMPLETED, return_value=job.return_value))
