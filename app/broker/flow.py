"""Flows: jobs that wait for other jobs, added as one tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from app.broker import told
from app.broker.adding import queue_add, queue_counts
from app.broker.broker import BullMQBroker
from app.broker.errors import BrokerError
from app.broker.recorder import NewJob, Parent
from app.broker.scripts import scripts


@dataclass(frozen=True, slots=True)
class Flow:
    """A job and the jobs that it waits for. ``options`` are those of ``Queue.new_job``.

    What a child's failure means for its parent stands in the child's options: ``opts={"failParentOnFailure": True}``,
    ``continueParentOnFailure``, ``ignoreDependencyOnFailure`` or ``removeDependencyOnFailure``. Without any, the parent
    waits until the child is retried or removed.
    """

    name: str
    queue: str
    data: Mapping[str, Any] = field(default_factory=dict)
    children: Sequence[Flow] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


class FlowProducer:
    """Adds whole trees: all of it or nothing."""

    def __init__(self, broker: BullMQBroker) -> None:
        self._broker = broker

    def add(self, flow: Flow) -> str:
        """Add the tree; returns the id of its root. Raises BrokerError with nothing added."""
        jobs = list(self._jobs(flow, None))
        recorder = self._broker.recorder
        promised = list(recorder.before_add(jobs)) if recorder else jobs
        # A record answers in any order, but parents come before their children.
        order = {(job.queue, job.id): place for place, job in enumerate(jobs)}
        promised.sort(key=lambda job: order.get((job.queue, job.id), 0))
        add_tree(self._broker, promised)
        if recorder:
            recorder.added(promised)
        told.added(promised)
        return jobs[0].id

    def _jobs(self, flow: Flow, parent: Parent | None) -> Iterator[NewJob]:
        """Parents before their children: a child is refused while its parent does not exist."""
        queue = self._broker.queue(flow.queue)
        options = {"job_id": str(uuid4()), **flow.options}
        job = queue.new_job(flow.name, flow.data, **options)
        if parent:
            reference = {"id": parent.id, "queue": parent.queue_key}
            job = replace(job, parent=parent, opts={**job.opts, "parent": reference})
        yield replace(job, has_children=bool(flow.children))
        for child in flow.children:
            yield from self._jobs(child, Parent(job.id, queue.keys[""].removesuffix(":")))


def add_tree(broker: BullMQBroker, jobs: Sequence[NewJob]) -> list[NewJob]:
    """Add jobs that belong together in one step, parents before their children; returns those that Redis then has.

    Raises BrokerError for one that was refused.
    """
    with broker.redis.pipeline(transaction=True) as pipe:
        for job in jobs:
            keys = broker.queue(job.queue).keys
            queue_add(scripts(broker.redis), pipe, keys, job)
            queue_counts(pipe, keys, job)
        replies = pipe.execute()
    for job, reply in zip(jobs, replies[::2], strict=True):
        if isinstance(reply, int) and reply < 0:
            raise BrokerError(f"job {job.id!r} of a flow was not added to queue {job.queue!r}: code {reply}")
    return [job for job, timestamp in zip(jobs, replies[1::2], strict=True) if timestamp in (None, str(job.added_ms))]
