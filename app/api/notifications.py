"""/api/v1/notifications: what was told, and the channels by which people are told (S1-F2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import Field
from sqlalchemy import select
from typing_extensions import TypedDict

from app import db
from app.alerts import channels
from app.alerts.address import check
from app.alerts.announcing import Message, announce
from app.alerts.channels import Channel
from app.api.input import Page, read_body, read_optional_body, read_query
from app.api.reasons import Act, Removal
from app.api.replies import Answer, Done, Plain, ok
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.ledger import audit
from app.models.notification import Delivery, Notification
from app.models.user import Role

bp = Blueprint("notifications", __name__, url_prefix="/api/v1/notifications")


class NewChannel(Act):
    """A name for people, and apprise's URL or a web hook's: it holds secrets, and is never shown again."""

    name: str = Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
    url: str = Field(min_length=1, max_length=2_000, repr=False)


class Told(Page):
    """A page begins before the last id of the one before."""

    limit: int = Field(50, ge=1, le=200)
    before: int | None = Field(None, ge=1, lt=2**63)


class ShownDelivery(TypedDict):
    """``sentAt`` null while the channel has not taken it; then ``error`` says why, once it was tried."""

    channel: str
    sentAt: datetime | None
    error: str | None


class ShownMessage(TypedDict):
    """What was told; ``details`` hold the same for programs."""

    id: str
    at: datetime
    kind: str
    title: str
    body: str
    details: dict[str, Any]
    deliveries: list[ShownDelivery]


class MessagesPage(TypedDict):
    """``next`` is the ``before`` of the next page, null on the last."""

    notifications: list[ShownMessage]
    next: int | None


class ShownChannel(TypedDict):
    """``url`` is the scheme and the host; the rest is secret."""

    id: str
    name: str
    kind: str
    url: str


class Channels(TypedDict):
    """All of them."""

    channels: list[ShownChannel]


class Tested(TypedDict):
    """The message that is on its way."""

    notificationId: str


@bp.get("")
@requires(Role.VIEWER)
def told() -> Answer[MessagesPage]:
    """The messages, the newest first, and whether each channel has taken it."""
    page = read_query(Told)
    messages = select(Notification).order_by(Notification.id.desc()).limit(page.limit)
    if page.before is not None:
        messages = messages.where(Notification.id < page.before)
    with db.reading() as session:
        found = session.scalars(messages).all()
        deliveries: dict[int, list[ShownDelivery]] = {one.id: [] for one in found}
        for one in session.scalars(select(Delivery).where(Delivery.notification.in_(deliveries))):
            delivery: ShownDelivery = {"channel": one.channel, "sentAt": one.sent_at, "error": one.error}
            deliveries[one.notification].append(delivery)
    following = found[-1].id if len(found) == page.limit else None
    return ok({"notifications": [_message(one, deliveries[one.id]) for one in found], "next": following})


@bp.get("/channels")
@requires(Role.ADMIN)
def all_channels() -> Answer[Channels]:
    """Every channel, without its secrets."""
    with db.reading() as session:
        return ok({"channels": [_channel(one) for one in channels.all_channels(session)]})


@bp.post("/channels")
@requires(Role.ADMIN)
def add() -> Answer[ShownChannel]:
    """A new channel; 400 for a URL that no message can be sent to, 409 for a name that is taken."""
    asked = read_body(NewChannel)
    check(asked.url)  # before the transaction: it looks names up
    now = utc_now()
    with db.session() as session:
        added = channels.add(session, asked.name, asked.url, by=current_user().id, at=now)
        details = {"name": added.name, "kind": added.kind}
        act = ("channel.added", f"channel {added.id}")
        audit.record(session, current_user().id, *act, at=now, why=asked.reason, details=details)
    return ok(_channel(added), status=201)


@bp.delete("/channels/<key:channel>")
@requires(Role.ADMIN)
def remove(channel: str) -> Plain[Done]:
    """No message goes there any more."""
    why = read_query(Removal).reason
    with db.session() as session:
        removed = channels.remove(session, channel)
        details = {"name": removed.name, "kind": removed.kind}
        act = ("channel.removed", f"channel {removed.id}")
        audit.record(session, current_user().id, *act, at=utc_now(), why=why, details=details)
    return ok(message="Channel removed successfully")


@bp.post("/channels/<key:channel>/test")
@requires(Role.ADMIN)
def test(channel: str) -> Answer[Tested]:
    """Send a message by it; whether it arrives is seen in the list of messages."""
    why = read_optional_body(Act).reason
    now = utc_now()
    with db.session() as session:
        found = channels.find(session, channel)
        body = f"A test of the channel {found.name!r}: messages of Toril arrive here."
        message = announce(session, Message("test", "Test", body, {}), now, [found])
        act = ("channel.tested", f"channel {found.id}")
        audit.record(session, current_user().id, *act, at=now, why=why)
    return ok({"notificationId": str(message.id)}, status=202)


def _channel(channel: Channel) -> ShownChannel:
    return {"id": channel.id, "name": channel.name, "kind": channel.kind, "url": channel.shown}


def _message(message: Notification, deliveries: list[ShownDelivery]) -> ShownMessage:
    return {
        "id": str(message.id),
        "at": message.at,
        "kind": message.kind,
        "title": message.title,
        "body": message.body,
        "details": message.details,
        "deliveries": deliveries,
    }
