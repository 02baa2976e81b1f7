"""A program whose jobs wait for something else, as jobs that call an API do."""

from __future__ import annotations

import os
import time

import dramatiq

from app.broker.broker import BullMQBroker

CONCURRENCY = 5
WAIT_S = 0.1

broker = BullMQBroker(os.environ["REDIS_URL"], prefix="scaling", concurrency={"io": CONCURRENCY})
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="io")
def wait() -> None:
    """A tenth of a second of nothing."""
    time.sleep(WAIT_S)
