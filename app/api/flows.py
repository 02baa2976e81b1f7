"""/api/v1/flows: jobs that wait for other jobs, as a tree or as a chain (document 003's F3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field, ValidationError
from typing_extensions import TypedDict

from app import db
from app.api.input import BadRequest, Body, faults, read_body
from app.api.queue_jobs import Options
from app.api.reasons import Act, Reason
from app.api.replies import Answer, ok
from app.auth.acts import act
from app.auth.guard import requires
from app.broker.errors import JobNotFound
from app.jobs.engine import broker, find_queue
from app.jobs.flows import AskedJob, BadFlow, OnFailure, add_chain, add_flow
from app.ledger import queries
from app.ledger.tree import Node, tree_of
from app.models.job_status import Status
from app.models.user import Role

bp = Blueprint("flows", __name__, url_prefix="/api/v1/flows")

LONGEST_CHAIN = 10


class FlowOptions(Options):
    """``onFailure`` is one of BullMQ's options; without it the parent waits until the job is retried or removed."""

    on_failure: OnFailure | None = None


class FlowJob(Body):
    """A job, and the jobs that it waits for."""

    queue_name: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")
    job_name: str = Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
    data: dict[str, Any]
    options: FlowOptions = FlowOptions()
    children: list[FlowJob] = Field(default_factory=list, max_length=100)

    def asked(self) -> AskedJob:
        """As the queues understand it."""
        return AskedJob(
            self.queue_name,
            self.job_name,
            self.data,
            self.options.priority,
            self.options.delay,
            self.options.on_failure,
            [child.asked() for child in self.children],
        )


class NewFlow(FlowJob):
    """The last to run, with those before it."""

    reason: Reason | None = None


class NewChain(Act):
    """The first runs first; one that fails fails those behind it."""

    jobs: Annotated[list[FlowJob], Field(min_length=1, max_length=LONGEST_CHAIN)]


class AddedFlow(TypedDict):
    """Its root: the job that runs last."""

    jobId: str
    queueName: str


class FlowNode(TypedDict):
    """A job of a flow, as its row says, and those that it waits for."""

    jobId: str
    queueName: str
    jobName: str
    status: Status
    children: list[FlowNode]


@bp.post("")
@requires(Role.OPERATOR)
def add() -> Answer[AddedFlow]:
    """Add a tree of jobs, all or none; 400 names the job and the field that cannot be."""
    asked = read_body(NewFlow)
    return ok(_added(asked.queue_name, asked.reason, lambda: add_flow(asked.asked())), status=201)


@bp.post("/chain")
@requires(Role.OPERATOR)
def chain() -> Answer[AddedFlow]:
    """Add jobs that run one after the other, all or none."""
    asked = read_body(NewChain)
    jobs = [job.asked() for job in asked.jobs]
    return ok(_added(jobs[-1].queue, asked.reason, lambda: add_chain(jobs)), status=201)


@bp.get("/<queue:queue_name>/<any_job_id:job_id>")
@requires(Role.VIEWER)
def show(queue_name: str, job_id: str) -> Answer[FlowNode]:
    """The whole flow that a job belongs to, from its root; a job of none is a tree of its own."""
    queue = find_queue(queue_name)
    with db.reading() as session:
        row = session.scalar(queries.job(job_id, queue.name))
        if row is None:
            raise JobNotFound(queue.name, job_id)
        return ok(_as_dict(tree_of(session, row, broker().prefix) or Node(row)))


def _added(queue: str, why: str | None, add: Callable[[], str]) -> AddedFlow:
    try:
        with act("flow.added", f"queue {queue}"[:255], why=why):
            job_id = add()
    except BadFlow as bad:
        said = faults(bad.fault, within=(*map(str, bad.place),)) if isinstance(bad.fault, ValidationError) else str(bad)
        raise BadRequest(said) from None
    return {"jobId": job_id, "queueName": find_queue(queue).name}


def _as_dict(node: Node) -> FlowNode:
    return {
        "jobId": node.row.job_id,
        "queueName": node.row.queue,
        "jobName": node.row.name,
        "status": Status(node.row.status),
        "children": [_as_dict(child) for child in node.children],
    }
