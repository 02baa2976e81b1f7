"""A flow that somebody asks for: each of its jobs checked as one by hand, then all of them added or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import ValidationError

from app.broker.errors import QueueNotFound
from app.broker.flow import Flow, FlowProducer
from app.jobs.by_hand import UnknownJobName, check
from app.jobs.engine import broker, find_queue
from app.jobs.enqueue import options_of
from app.ledger.tree import DEEPEST

#: What a child's failure means for its parent, by BullMQ's option.
OnFailure = Literal[
    "failParentOnFailure", "continueParentOnFailure", "ignoreDependencyOnFailure", "removeDependencyOnFailure"
]
#: So many are shown and restored as one.
MOST_JOBS = 200

Place = tuple[str | int, ...]


class BadFlow(ValueError):
    """One of the jobs cannot be added: which, and why."""

    def __init__(self, place: Place, fault: str | ValidationError) -> None:
        super().__init__(f"{'.'.join(map(str, place)) or 'flow'}: {fault}")
        self.place = place
        self.fault = fault


@dataclass(frozen=True, slots=True)
class AskedJob:
    """A job, and those that it waits for. Without ``on_failure`` its parent waits until it is retried or removed."""

    queue: str
    name: str
    data: Mapping[str, Any]
    priority: int = 0
    delay_ms: int = 0
    on_failure: OnFailure | None = None
    children: Sequence[AskedJob] = field(default=())


def add_flow(asked: AskedJob) -> str:
    """Add the tree; returns the id of its root. Raises BadFlow, naming the job and its field, with nothing added."""
    return _add(_checked(asked, (), None))


def add_chain(jobs: Sequence[AskedJob]) -> str:
    """Add jobs each of which waits for the one before; returns the id of the last. Raises as ``add_flow``.

    A job that fails fails those behind it, unless it says otherwise itself.
    """
    *others, last = jobs
    flow: Flow | None = None
    for number, job in enumerate(others):
        link = _checked(job, ("jobs", number), job.on_failure or "failParentOnFailure")
        flow = _behind(link, flow)
    return _add(_behind(_checked(last, ("jobs", len(others)), None), flow))


def _behind(link: Flow, before: Flow | None) -> Flow:
    return link if before is None else replace(link, children=(*link.children, before))


def _add(flow: Flow) -> str:
    if (jobs := _jobs(flow)) > MOST_JOBS:
        raise BadFlow((), f"{jobs} jobs are more than {MOST_JOBS}: add several flows")
    if (levels := _levels(flow)) > DEEPEST:
        raise BadFlow((), f"{levels} levels of children are more than {DEEPEST}: a longer way is several flows")
    return FlowProducer(broker()).add(flow)


def _jobs(flow: Flow) -> int:
    return 1 + sum(map(_jobs, flow.children))


def _levels(flow: Flow) -> int:
    """How many jobs wait one for the other, below this one."""
    return max((1 + _levels(child) for child in flow.children), default=0)


def _checked(asked: AskedJob, place: Place, on_failure: OnFailure | None) -> Flow:
    try:
        queue = find_queue(asked.queue).name
        spec, payload = check(queue, asked.name, asked.data)
    except QueueNotFound as error:
        raise BadFlow((*place, "queueName"), str(error)) from None
    except UnknownJobName as error:
        raise BadFlow((*place, "jobName"), str(error)) from None
    except ValidationError as invalid:
        raise BadFlow((*place, "data"), invalid) from None
    own: dict[str, Any] = {on_failure: True} if on_failure else {}
    return Flow(
        name=asked.name,
        queue=queue,
        data=payload.model_dump(mode="json", by_alias=True, exclude_none=True),
        children=[
            _checked(child, (*place, "children", number), child.on_failure)
            for number, child in enumerate(asked.children)
        ],
        options=options_of(spec, delay_ms=asked.delay_ms, priority=asked.priority, opts=own),
    )
