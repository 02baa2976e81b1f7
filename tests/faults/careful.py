"""The entry module of workers that meet jobs they cannot run: ``dramatiq tests.faults.careful``."""

from __future__ import annotations

import os

import dramatiq

from app.broker import grace
from app.jobs.actor import actor
from app.jobs.catalog import USER_UPDATES, JobSpec
from app.jobs.engine import broker
from app.jobs.payloads import Payload
from app.jobs.presence import Presence

# An unknown job is offered three more times, 15 s apart: nobody wants to wait for that in every test.
grace.WAIT_MS = int(os.environ["UNKNOWN_DELAY_MS"])


class Number(Payload):
    """A number."""

    n: int


DOUBLE = JobSpec("double", USER_UPDATES, Number, attempts=3, backoff_ms=100)
TRIPLE = JobSpec("triple", USER_UPDATES, Number, attempts=3, backoff_ms=100)

dramatiq.set_broker(broker())
broker().add_middleware(Presence())


@actor(DOUBLE)
def double(*, n: int) -> int:
    """Twice that."""
    return n * 2


if os.environ["RELEASE"] == "new":

    @actor(TRIPLE)
    def triple(*, n: int) -> int:
        """Three times that, which the release before could not."""
        return n * 3
