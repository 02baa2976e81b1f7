"""HTTP to addresses that users, rows or other servers name: never to a private one, bounded in time and size.

A host is resolved once, every address it has is checked, and the connection is made to a checked address: a name that
answers otherwise a moment later changes nothing. Each hop of a redirect is a new request in this sense. No proxy is
used, since it would resolve names itself.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import certifi
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from app.settings import settings

REDIRECTS = {301, 302, 303, 307, 308}
CHUNK_BYTES = 64 * 1024
USER_AGENT = "Toril/0.1"

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
#: What is no host of the internet's, whatever a Python release thinks: protocols' own addresses, 6to4, documentation.
_REFUSED_4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_REFUSED_6 = (IPv6Network("2002::/16"), IPv6Network("3fff::/20"))

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]


class OutboundRefused(Exception):
    """The URL is none that we may call; a retry never helps."""


class OutboundFailed(Exception):
    """No whole answer came; the same request may work later."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``read_s`` is the longest silence, ``total_s`` the longest body; sizes in bytes, as they came."""

    connect_s: float = 5
    read_s: float = 10
    total_s: float = 60
    body_bytes: int = 10 * 1024 * 1024
    redirects: int = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end, from the last hop."""

    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body; OutboundFailed if it is not JSON (an error page, a cut answer)."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            kind = self.headers.get("Content-Type", "no content type")
            raise OutboundFailed(f"{self.url}: not JSON but {len(self.body)} bytes of {kind}") from None


def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a host; OutboundFailed if it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OutboundFailed(f"{host!r} has no address: {error}") from None
    return list(dict.fromkeys(str(where[4][0]) for where in found))


def is_public(address: Address) -> bool:
    """Whether it is a host of the internet's, also behind the IPv6 forms of an IPv4 address."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not any(address in net for net in _REFUSED_4)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if address not in _GLOBAL_UNICAST or any(address in net for net in _REFUSED_6):
        return False
    return address.is_global


def checked(host: str, port: int, resolve: Resolve = resolve) -> list[Address]:
    """The host's addresses, if all of them may be called: with one of two, it could choose.

    Raises OutboundRefused and OutboundFailed.
    """
    addresses = [ip_address(found) for found in resolve(host, port)]
    if not {host, f"{host}:{port}"} & settings().private_hosts:
        for address in addresses:
            if not is_public(address):
                raise OutboundRefused(
                    f"{host!r} is the private address {address}; name it in OUTBOUND_PRIVATE_HOSTS to allow it"
                )
    return addresses


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limits: Limits | None = None,
    resolve: Resolve = resolve,
) -> Answer:
    """The answer, whatever its status. Raises OutboundRefused and OutboundFailed; neither names what headers hold.

    A GET follows redirects; to another host it goes without the caller's headers, which may hold a token.
    """
    call = _Call(method, dict(headers or {}), body, limits or Limits(), resolve)
    for _ in range(call.limits.redirects + 1):
        answer = call.hop(url)
        target = answer.headers.get("Location")
        if method != "GET" or answer.status not in REDIRECTS or target is None:
            return answer
        following = urljoin(url, target)
        if _origin(check_url(following)) != _origin(check_url(url)):
            call.headers.clear()
        url = following
    raise OutboundRefused(f"{url}: more than {call.limits.redirects} redirects")


def check_url(url: str) -> SplitResult:
    """The parts of a URL that could be called: only what every parser reads alike. Raises OutboundRefused."""
    if not all("!" <= character <= "~" for character in url) or "\\" in url:
        raise OutboundRefused(f"{url!r}: blanks, backslashes and what is not ASCII must be percent-encoded")
    try:
        place = urlsplit(url)
        port = place.port
    except ValueError as error:
        raise OutboundRefused(f"{url!r} is no URL: {error}") from None
    if place.scheme not in ("http", "https"):
        raise OutboundRefused(f"{url!r}: only http and https are called")
    if "@" in place.netloc:
        raise OutboundRefused("a URL with a user or password before its host is not called")
    if not place.hostname or port == 0:
        raise OutboundRefused(f"{url!r} has no host, or no port")
    return place


def _origin(place: SplitResult) -> tuple[str, str, int]:
    return place.scheme, place.hostname or "", place.port or (443 if place.scheme == "https" else 80)


class _Call:
    """One call through all its hops."""

    def __init__(
        self, method: str, headers: dict[str, str], body: bytes | None, limits: Limits, resolve: Resolve
    ) -> None:
        self._method = method
        self._body = body
        self._resolve = resolve
        self._deadline = time.monotonic() + limits.total_s
        self.headers = headers
        self.limits = limits

    def hop(self, url: str) -> Answer:
        """The answer of the first of the host's checked addresses that accepts a connection."""
        place = check_url(url)
        target = place._replace(scheme="", netloc="", fragment="", path=place.path or "/").geturl()
        # What is not compressed cannot unfold beyond the limit.
        headers = {"User-Agent": USER_AGENT, **self.headers, "Host": place.netloc, "Accept-Encoding": "identity"}
        as_it_comes = {"retries": False, "redirect": False, "preload_content": False, "decode_content": False}
        unreachable: HTTPError | None = None
        for address in checked(*_origin(place)[1:], self._resolve):
            try:
                with (
                    _pool(place, address, self.limits) as pool,
                    pool.urlopen(self._method, target, self._body, headers, **as_it_comes) as response,
                ):
                    return Answer(url, response.status, response.headers, self._read(url, response))
            except (ConnectTimeoutError, NewConnectionError) as error:
                unreachable = error
            except (HTTPError, OSError) as error:
                raise OutboundFailed(f"{url}: {type(error).__name__}") from None
        raise OutboundFailed(f"{url}: no connection ({type(unreachable).__name__})")

    def _read(self, url: str, response: urllib3.BaseHTTPResponse) -> bytes:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise OutboundFailed(f"{url}: the answer is compressed, which was not asked for")
        parts: list[bytes] = []
        size = 0
        while part := response.read1(CHUNK_BYTES):
            size += len(part)
            if size > self.limits.body_bytes:
                raise OutboundFailed(f"{url}: more than {self.limits.body_bytes} bytes")
            if time.monotonic() > self._deadline:
                raise OutboundFailed(f"{url}: still sending after {self.limits.total_s} s")
            parts.append(part)
        return b"".join(parts)


def _pool(place: SplitResult, address: Address, limits: Limits) -> urllib3.HTTPConnectionPool:
    scheme, host, port = _origin(place)
    timeout = urllib3.Timeout(connect=limits.connect_s, read=limits.read_s)
    if scheme == "http":
        return urllib3.HTTPConnectionPool(str(address), port, timeout)
    return urllib3.HTTPSConnectionPool(
        str(address),
        port,
        timeout,
        cert_reqs="CERT_REQUIRED",
        ca_certs=certifi.where(),
        server_hostname=host,
        assert_hostname=host,
    )
