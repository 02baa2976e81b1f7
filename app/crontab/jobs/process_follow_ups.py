"""Process follow-ups: a task for everybody who is to be got in touch with again (S4-8)."""

from __future__ import annotations

import logging

from app import db
from app.clock import utc_now
from app.domains.leads.follow_ups import process_follow_ups

name = "processFollowUps"
schedule = "0 */2 * * *"
reads = "opportunities: open, with a follow-up due by now; follow_ups"
writes = "follow_ups: opened, closed"
proof = "tests/domains/leads/test_follow_ups.py::test_a_task_is_opened_for_what_is_due_and_closed_when_it_is_needless"


def run(log: logging.Logger) -> dict[str, int]:
    """Open what is due, close what is needless."""
    with db.session() as session:
        done = process_follow_ups(session, utc_now())
    log.info("follow-ups: %s", done)
    return done
