"""How soon work flows again after a fault is over."""

from __future__ import annotations

from tests.faults.system import FaultSystem
from tests.servers import wait_for


def flow_back_s(system: FaultSystem, over_at: float) -> float:
    """From that moment (Unix time) to the first effect of a job that has started since; waits for it, 60 s."""
    wait_for(lambda: _effects_since(system, over_at), "a job to start and to have its effect", 60, every_s=0.1)
    return _effects_since(system, over_at)[0] - over_at


def _effects_since(system: FaultSystem, at: float) -> list[float]:
    started = {line.key for line in system.lines("start") if line.at > at}
    return [line.at for line in system.lines("effect") if line.at > at and line.key in started]
