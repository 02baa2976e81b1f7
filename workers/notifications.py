"""Notifications, as an actor."""

from __future__ import annotations

from app.alerts.delivering import deliver
from app.clock import utc_now
from app.jobs.actor import actor
from app.jobs.catalog import SEND_NOTIFICATION


@actor(SEND_NOTIFICATION)
def send_notification(*, notification: str, channel: str) -> bool:
    """Send one message by one channel; False if it has been sent."""
    return deliver(int(notification), channel, utc_now())
