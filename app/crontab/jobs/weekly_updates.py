"""Weekly updates: enqueue the users whose day it is, each for their minute of it (S0-5).

The producer runs it, since it only enqueues.
"""

from __future__ import annotations

import logging

from app.crontab.running import current_run
from app.domains.slots.cycle import WEEKLY
from app.domains.slots.rounds import promise_updates
from app.jobs.catalog import PROMISE_WEEKLY_UPDATES

name = "weeklyUpdates"
schedule = "0 0 * * *"
#: Users' slots are anchored in UTC, whatever TIMEZONE shows them in (C34): else a DST change would make 23 h of 24.
timezone = "UTC"
catch_up = "all"
timeout_s = 600
attempts = 10
spec = PROMISE_WEEKLY_UPDATES
reads = "user_update_schedule: users of the slot's day"
writes = "user_update_schedule.promised_weekly_slot and _minute, one job_status row a user, due in their minute"
proof = "tests/producer/test_updates.py::test_users_of_the_day_are_enqueued_with_their_week"


def run(log: logging.Logger) -> dict[str, int]:
    """Promise the slot to everybody who is due."""
    promised = promise_updates(WEEKLY, WEEKLY.beginning(current_run().slot))
    log.info("%d users promised their weekly update", promised)
    return {"promised": promised}
