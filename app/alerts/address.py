"""Where a channel's URL leads: by which service, to which host, and what of it may be shown.

Web hooks are sent by ``app.net``, which connects to the addresses it has checked. Of apprise's services those are taken
whose host is the service's own, and two that name a host: SMTP servers and SMS gateways of one's own. That host is
checked before each message, and redirects are off. What remains: a name that answers otherwise in the moment between
the check and the connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import net

if TYPE_CHECKING:
    from apprise import NotifyBase

WEBHOOK = "webhook"
#: By scheme, what a service of apprise's is.
SERVICES = {
    **dict.fromkeys(("mailto", "mailtos"), "e-mail"),
    **dict.fromkeys(("smseagle", "smseagles", "twilio", "vonage", "nexmo", "sns", "msgbird", "clicksend"), "sms"),
    **dict.fromkeys(("slack", "discord", "tgram"), "chat"),
    **dict.fromkeys(("pagerduty", "opsgenie", "pover"), "pager"),
}


class InvalidChannel(ValueError):
    """No message can be sent there; the reason holds nothing of the URL but its scheme and host."""


@dataclass(frozen=True, slots=True)
class Address:
    """``shown`` is the scheme and, where the URL names one, the host."""

    kind: str
    shown: str


def describe(url: str) -> Address:
    """What kind of channel it is, without looking any name up. Raises InvalidChannel."""
    scheme = url.partition("://")[0].lower()
    if scheme in ("http", "https"):
        return Address(WEBHOOK, f"{scheme}://{_web_host(url)[0]}/…")
    named = _named_host(service_of(url))
    return Address(SERVICES[scheme], f"{scheme}://{named[0] if named else '…'}/…")


def check(url: str) -> None:
    """Refuse a channel whose host may not be called; one that is away just now may. Raises InvalidChannel."""
    try:
        if url.lower().startswith(("http://", "https://")):
            net.checked(*_web_host(url))
        else:
            check_host(service_of(url))
    except net.OutboundFailed:
        pass
    except net.OutboundRefused as error:
        raise InvalidChannel(f"no messages are sent there: {error}") from None


def service_of(url: str) -> NotifyBase:
    """Apprise's service for that URL. Raises InvalidChannel."""
    # Only who sends by it loads it: every process knows addresses.
    from apprise import Apprise, AppriseAsset, NotifyBase, PersistentStoreMode

    scheme = url.partition("://")[0].lower()
    if scheme not in SERVICES:
        known = ", ".join(sorted(("http", "https", *SERVICES)))
        raise InvalidChannel(f"messages are not sent by {scheme[:32]!r}; there are: {known}")
    asset = AppriseAsset(
        app_id="Toril", app_url="", async_mode=False, http_redirects=False, storage_mode=PersistentStoreMode.MEMORY
    )
    service = Apprise.instantiate(url, asset=asset)
    if not isinstance(service, NotifyBase):
        raise InvalidChannel(f"a {scheme} URL that apprise cannot read: see its page of that service")
    if scheme == "mailto" and service.password and not service.secure:
        raise InvalidChannel("a password would travel readable: use mailtos://")
    return service


def check_host(service: NotifyBase) -> None:
    """Whether the host that its URL names may be called. Raises OutboundRefused, OutboundFailed."""
    if named := _named_host(service):
        net.checked(*named)


def _web_host(url: str) -> tuple[str, int]:
    try:
        place = net.check_url(url)
    except net.OutboundRefused:  # its text names the URL
        raise InvalidChannel(
            "a web hook's URL has a host, no user or password before it, and percent-encodes blanks, backslashes and "
            "what is not ASCII"
        ) from None
    return place.hostname or "", place.port or (443 if place.scheme == "https" else 80)


def _named_host(service: NotifyBase) -> tuple[str, int] | None:
    if "host" not in service.template_tokens:
        return None
    host = getattr(service, "smtp_host", "") or service.host
    return host.strip("[]"), service.port or (443 if service.secure else 80)
