"""Serves two more queues on the broker that is set."""

from __future__ import annotations

import dramatiq


@dramatiq.actor(queue_name="second")
def two() -> str:
    """Says where it ran."""
    return __name__


@dramatiq.actor(queue_name="third")
def three() -> str:
    """Says where it ran."""
    return __name__
