"""Somebody is to know that a run has failed for good (S4-9)."""

from __future__ import annotations

import logging

from app.models.cron_session import CronSession
from app.models.crontab_entry import CrontabEntry

log = logging.getLogger(__name__)


def alert(entry: CrontabEntry, session: CronSession, error: str) -> None:
    """Called once a failure has no further attempt, in the transaction that records it; entries can switch it off."""
    log.error("crontab alert: %s failed in session %s: %s", entry.id, session.id, error)
    session.details = {**(session.details or {}), "alerted": True}
