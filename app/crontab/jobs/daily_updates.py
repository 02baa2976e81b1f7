"""Daily updates: enqueue the users whose hour it is, each for their minute of it (S0-5).

The producer runs it, since it only enqueues.
"""

from __future__ import annotations

import logging

from app.crontab.running import current_run
from app.domains.slots.cycle import DAILY
from app.domains.slots.rounds import promise_updates
from app.jobs.catalog import PROMISE_DAILY_UPDATES

name = "dailyUpdates"
schedule = "0 * * * *"
#: Users' slots are anchored in UTC, whatever TIMEZONE shows them in (C34): else a DST change would make 23 h of 24.
timezone = "UTC"
catch_up = "all"
timeout_s = 600
attempts = 10
spec = PROMISE_DAILY_UPDATES
reads = "user_update_schedule: users of the slot's hour"
writes = "user_update_schedule.promised_daily_slot and _minute, one job_status row a user, due in their minute"
proof = "tests/producer/test_updates.py::test_users_of_the_hour_are_enqueued_by_id"


def run(log: logging.Logger) -> dict[str, int]:
    """Promise the slot to everybody who is due."""
    promised = promise_updates(DAILY, DAILY.beginning(current_run().slot))
    log.info("%d users promised their daily update", promised)
    return {"promised": promised}
