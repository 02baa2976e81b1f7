"""Downloads: a finished report's document, by a URL that needs no token."""

from __future__ import annotations

from flask import Blueprint, Response

from app.domains.amazon.simulator.gate import Answer, Refused, spoil
from app.domains.amazon.simulator.state import simulator

bp = Blueprint("documents", __name__)


@bp.get("/documents/<task_id>")
def document(task_id: str) -> Answer:
    """The bytes as they are; the fault's operation is ``document``."""
    state = simulator()
    task = state.tasks.get(task_id)
    if task is None or state.stage(task) < 2:
        raise Refused(403, "AccessDenied", "Request has expired")
    state.count(task.seller.id, "document")
    fault = state.faults.strike(task.seller.id, task.seller.country, "document", revocable=False)
    if fault and fault.kind == "truncated_gzip":
        return Response(task.content[: len(task.content) // 2], content_type=task.content_type)
    return spoil(fault) or Response(task.content, content_type=task.content_type)
