"""Flows: jobs that wait for other jobs, added as one tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from app.broker.adding import queue_add
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
        redis = self._broker.redis
        with redis.pipeline(transaction=True) as pipe:
            for job in promised:
                queue_add(scripts(redis), pipe, self._broker.queue(job.queue).keys, job)
            replies = pipe.execute()
        for job, reply in zip(promised, replies, strict=True):
            if isinstance(reply, int) and reply < 0:
                raise BrokerError(f"job {job.id!r} of a flow was not added to queue {job.queue!r}: code {reply}")
        if recorder:
            recorder.added(promised)
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
