"""Test data generator: events of every publisher, each quarter of an hour, on developers' machines (S4-14, C38)."""

from __future__ import annotations

import logging

from app.clock import utc_now
from app.crontab.running import current_run
from app.domains.publishers.demo_events import add_demo_events

name = "testDataGenerator"
schedule = "*/15 * * * *"
catch_up = "skip"
attempts = 3
environments = ["development"]
reads = "publishers"
writes = "twenty ad_events a publisher, once a slot"
proof = "tests/domains/publishers/test_demo_events.py::test_a_slot_adds_its_events_once"


def run(log: logging.Logger) -> dict[str, int]:
    """Add them; a second attempt finds them there."""
    added = add_demo_events(current_run().slot, utc_now())
    log.info("%d events added", added)
    return {"added": added}
