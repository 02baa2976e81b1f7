"""Sets the broker, and serves one queue."""

from __future__ import annotations

import os

import dramatiq

from app.broker.broker import BullMQBroker

broker = BullMQBroker(os.environ["REDIS_URL"], prefix="test", shutdown_grace_s=1)
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="first")
def one() -> str:
    """Says where it ran."""
    return __name__
