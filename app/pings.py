"""The services that we stand on, as /health shows them: the part that uses one says how to ask whether it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import structlog

log = structlog.get_logger(__name__)

PATIENCE_S = 2  # a health check that hangs is itself an outage

Ping = Callable[[], object]
_pings: list[tuple[Callable[[], str], Ping]] = []


def answers_as(name: Callable[[], str]) -> Callable[[Ping], Ping]:
    """Registers a function that raises if a service does not answer. The service's name may depend on settings."""

    def register(ping: Ping) -> Ping:
        _pings.append((name, ping))
        return ping

    return register


def services() -> dict[str, Literal["up", "down"]]:
    """Every service that is registered, by name: "up" or "down"."""
    return {name(): "up" if _answers(name(), ping) else "down" for name, ping in _pings}


def _answers(name: str, ping: Ping) -> bool:
    try:
        ping()
    except Exception as error:
        log.warning("health.down", service=name, reason=type(error).__name__)
        return False
    return True
