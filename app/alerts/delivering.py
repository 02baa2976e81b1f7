"""One message by one channel: tried until it is taken; a crash right after the sending sends it twice."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import update

from app import db, net
from app.alerts.address import SERVICES, InvalidChannel, check_host, service_of
from app.alerts.channels import ChannelNotFound, url_of
from app.broker.errors import Unrecoverable
from app.models.notification import Delivery, Notification

LIMITS = net.Limits(connect_s=5, read_s=10, total_s=20, body_bytes=64 * 1024, redirects=0)
#: What fits into a short message.
SMS_CHARACTERS = 300


class NotDelivered(Exception):
    """The channel did not take the message; a later attempt may succeed."""


def deliver(notification: int, channel: str, now: datetime) -> bool:
    """Send it; False if it has been sent. Raises NotDelivered, OutboundFailed, and Unrecoverable for a lost cause."""
    with db.reading() as session:
        message = session.get(Notification, notification)
        delivery = session.get(Delivery, (notification, channel))
        if message is None or delivery is None:
            raise Unrecoverable(f"notification {notification} is gone")
        if delivery.sent_at is not None:
            return False
        try:
            url = url_of(session, channel)
        except ChannelNotFound as gone:
            raise Unrecoverable(str(gone)) from None
    try:
        send(url, message)
    except (InvalidChannel, net.OutboundRefused, NotDelivered, net.OutboundFailed) as error:
        why = str(error).replace(url, "its URL")  # it holds secrets
        _note(notification, channel, error=why)
        is_lost = isinstance(error, InvalidChannel | net.OutboundRefused)
        raise (Unrecoverable if is_lost else NotDelivered)(f"channel {channel}: {why}") from None
    _note(notification, channel, sent_at=now, error=None)
    return True


def send(url: str, message: Notification) -> None:
    """Raises NotDelivered, InvalidChannel, OutboundRefused and OutboundFailed."""
    if url.lower().startswith(("http://", "https://")):
        _post(url, message)
        return
    service = service_of(url)
    check_host(service)
    is_short = SERVICES[url.partition("://")[0].lower()] == "sms"
    text = f"{message.title}\n{message.body}"[:SMS_CHARACTERS] if is_short else message.body
    if not service.notify(body=text, title="" if is_short else f"[Toril] {message.title}"):
        raise NotDelivered("the service did not take the message")


def _post(url: str, message: Notification) -> None:
    """JSON for programs: the kind, the text, the details."""
    document: dict[str, Any] = {
        "id": str(message.id),
        "at": message.at.isoformat(),
        "kind": message.kind,
        "title": message.title,
        "body": message.body,
        **message.details,
    }
    headers = {"Content-Type": "application/json"}
    answer = net.send("POST", url, headers=headers, body=json.dumps(document).encode(), limits=LIMITS)
    if not 200 <= answer.status < 300:
        raise NotDelivered(f"the web hook answered {answer.status}")


def _note(notification: int, channel: str, **values: Any) -> None:
    mine = (Delivery.notification == notification, Delivery.channel == channel)
    with db.session() as session:
        session.execute(update(Delivery).where(*mine).values(**values))
