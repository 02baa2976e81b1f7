"""What no Amazon has: faults on request, and the count of calls."""

from __future__ import annotations

from flask import Blueprint, jsonify

from app.domains.amazon.simulator.asked import body
from app.domains.amazon.simulator.faults import Fault, UnknownFault
from app.domains.amazon.simulator.gate import OPERATIONS, Answer, invalid
from app.domains.amazon.simulator.state import simulator

bp = Blueprint("control", __name__)


@bp.post("/faults")
def add_fault() -> Answer:
    """Set a fault: ``{"seller", "operation", "fault", "times"}``; ``times`` null lasts until DELETE."""
    asked = body()
    times = asked.get("times", 1)
    if times is not None and (not isinstance(times, int) or times < 1):
        raise invalid(f"times is {times!r}; expected a number above zero, or null")
    operation = str(asked.get("operation", "*"))
    if operation not in OPERATIONS:
        raise invalid(f"no operation {operation!r}; known: {', '.join(sorted(OPERATIONS))}")
    try:
        fault = Fault.parse(str(asked.get("seller", "*")), operation, str(asked.get("fault")), times)
    except UnknownFault as error:
        raise invalid(str(error)) from error
    simulator().faults.add(fault)
    return {"fault": fault.kind, "times": fault.times}, 201


@bp.delete("/faults")
def clear_faults() -> Answer:
    """Forget every fault."""
    simulator().faults.clear()
    return {"faults": 0}


@bp.get("/calls")
def calls() -> Answer:
    """How often each operation of each seller was called."""
    return jsonify(
        [
            {"seller": seller, "operation": operation, "calls": count}
            for (seller, operation), count in sorted(simulator().calls.items())
        ]
    )


@bp.get("/health")
def health() -> Answer:
    """That it answers."""
    return {"status": "healthy"}
