"""When ended runs are settled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import dramatiq
from dramatiq import Worker

from app.broker.broker import BullMQBroker
from tests.servers import wait_for


def test_an_end_does_not_wait_for_the_long_job_behind_it(
    broker: BullMQBroker, working: Callable[..., AbstractContextManager[Worker]]
) -> None:
    """Ends gather only while claimed jobs wait for their threads, and the last of these to start settles them."""
    let_go = threading.Event()

    @dramatiq.actor(queue_name="mail", broker=broker)
    def send(*, slowly: bool) -> None:
        if slowly:
            let_go.wait(10)

    queue = broker.queue("mail")
    quick, slow = queue.add_bulk([queue.new_job("send", {"slowly": slowly}) for slowly in (False, True)])
    with working(threads=2):
        try:
            wait_for(lambda: queue.job_state(quick) == "completed", "the quick job's end")
            state = queue.job_state(slow)
        finally:
            let_go.set()

    assert state == "active"
