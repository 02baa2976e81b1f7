"""A worker program whose jobs each have one small effect in SQL: ``dramatiq tests.cli.refreshing``."""

from __future__ import annotations

from typing import Any

import dramatiq

from app.broker.current import current_job
from app.jobs.actor import actor
from app.jobs.catalog import PROCESS_USER_DATA, PROMISE_DAILY_UPDATES
from app.jobs.engine import broker
from app.jobs.presence import Presence
from app.ledger.effect import effect

dramatiq.set_broker(broker())
broker().add_middleware(Presence())


@actor(PROCESS_USER_DATA)
def process_user_data(**_: Any) -> None:
    """Ends with its row."""
    with effect(current_job()):
        pass


@actor(PROMISE_DAILY_UPDATES)
def promise_daily_updates(**_: Any) -> None:
    """Promises nobody."""
