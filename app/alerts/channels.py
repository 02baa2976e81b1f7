"""Channels: those in SQL, which administrators add over the API, and those of NOTIFY_URLS."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.alerts.address import InvalidChannel, describe
from app.models.notification import NotificationChannel
from app.secrets import seal, unseal
from app.settings import settings

log = logging.getLogger(__name__)

#: Ids of channels of NOTIFY_URLS: settings-1, settings-2 …
OF_SETTINGS = "settings-"


class ChannelNotFound(LookupError):
    """No channel has this id."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"no channel {channel[:64]!r} here")


class ChannelExists(ValueError):
    """A channel's name is taken."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a channel named {name!r} already")


class ChannelOfSettings(ValueError):
    """What the environment brings cannot be removed here."""

    def __init__(self) -> None:
        super().__init__("this channel stands in NOTIFY_URLS: take it out there")


@dataclass(frozen=True, slots=True)
class Channel:
    """As it may be shown: without its URL."""

    id: str
    name: str
    kind: str
    shown: str


def all_channels(session: Session) -> list[Channel]:
    """Every channel that messages go to. A URL of the settings that cannot be read is none, and is logged."""
    of_table = [Channel(str(one.id), one.name, one.kind, one.shown) for one in session.scalars(_by_name())]
    return of_table + [one for number, url in enumerate(_urls(), 1) if (one := _of_settings(number, url))]


def add(session: Session, name: str, url: str, *, by: str, at: datetime) -> Channel:
    """Raises InvalidChannel, ChannelExists."""
    address = describe(url)
    if session.scalar(select(NotificationChannel.id).where(NotificationChannel.name == name)) is not None:
        raise ChannelExists(name)
    row = NotificationChannel(
        name=name, kind=address.kind, sealed_url=seal(url), shown=address.shown, created_by=by, created_at=at
    )
    session.add(row)
    session.flush()
    return Channel(str(row.id), name, address.kind, address.shown)


def remove(session: Session, channel: str) -> Channel:
    """What is on its way to it fails. Raises ChannelNotFound, ChannelOfSettings."""
    found = find(session, channel)
    if channel.startswith(OF_SETTINGS):
        raise ChannelOfSettings
    session.delete(session.get_one(NotificationChannel, int(channel)))
    return found


def find(session: Session, channel: str) -> Channel:
    """Raises ChannelNotFound."""
    found = next((one for one in all_channels(session) if one.id == channel), None)
    if found is None:
        raise ChannelNotFound(channel)
    return found


def url_of(session: Session, channel: str) -> str:
    """Its URL, for whoever sends. Raises ChannelNotFound, SecretUnreadable."""
    if channel.startswith(OF_SETTINGS):
        urls = {f"{OF_SETTINGS}{number}": url for number, url in enumerate(_urls(), 1)}
        if channel in urls:
            return urls[channel]
    elif channel.isascii() and channel.isdigit() and len(channel) < 19:
        row = session.get(NotificationChannel, int(channel))
        if row is not None:
            return unseal(row.sealed_url)
    raise ChannelNotFound(channel)


def _by_name() -> Select[NotificationChannel]:
    return select(NotificationChannel).order_by(NotificationChannel.name)


def _urls() -> list[str]:
    return settings().notify_urls.split()


def _of_settings(number: int, url: str) -> Channel | None:
    try:
        address = describe(url)
    except InvalidChannel as error:
        log.warning("NOTIFY_URLS: URL %d is left out: %s", number, error)
        return None
    return Channel(f"{OF_SETTINGS}{number}", f"NOTIFY_URLS {number}", address.kind, address.shown)
