"""How long it is remembered what was told."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.models.notification import Notification

REMEMBERED = timedelta(days=90)


def forget(session: Session, now: datetime) -> None:
    """Drop messages, with their deliveries, that are older than 90 days."""
    session.execute(delete(Notification).where(Notification.at < now - REMEMBERED))
