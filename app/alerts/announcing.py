"""A message and the jobs that send it, one a channel, in the transaction of what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from app.alerts.channels import Channel, all_channels
from app.jobs.catalog import SEND_NOTIFICATION
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import SendNotification
from app.models.alert import Alert, AlertState
from app.models.notification import Delivery, Notification


@dataclass(frozen=True, slots=True)
class Message:
    """What is told: a line, a text, and the same for programs."""

    kind: Literal["failures", "alerts", "test"]
    title: str
    body: str
    details: Mapping[str, Any]


def announce(session: Session, told: Message, now: datetime, channels: Sequence[Channel] | None = None) -> Notification:
    """Tell all channels, or these. It is sent exactly if the caller's transaction commits; nobody waits for it."""
    message = Notification(at=now, kind=told.kind, title=told.title, body=told.body, details=dict(told.details))
    session.add(message)
    session.flush()
    jobs = []
    for channel in all_channels(session) if channels is None else channels:
        session.add(Delivery(notification=message.id, channel=channel.id))
        key = f"notify-{message.id}-{channel.id}"
        payload = SendNotification(notification=str(message.id), channel=channel.id)
        jobs.append(new_job(SEND_NOTIFICATION, payload, job_id=key, promise_key=key))
    session.flush()
    enqueue_with(session, jobs)
    return message


def announce_alerts(session: Session, alerts: Sequence[Alert], now: datetime) -> None:
    """One message for all that a look by one rule has changed."""
    firing = [alert for alert in alerts if alert.state == AlertState.FIRING]
    lines = [f"{alert.state}: {alert.text}" for alert in alerts]
    first = (firing or alerts)[0]
    others = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    title = f"{'Alert' if firing else 'Resolved'}: {first.rule}: {first.subject}{others}"
    details = [
        {"rule": alert.rule, "subject": alert.subject, "state": alert.state, "text": alert.text} for alert in alerts
    ]
    announce(session, Message("alerts", title, "\n".join(lines), {"alerts": details}), now)
