"""One Redis pool per process and URL."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

SENTINEL = "redis+sentinel"
SENTINEL_PORT = 26379


def connect(url: str) -> Redis:
    """The client of this process for that URL; replies are ``str``. Raises ValueError for a URL that makes no sense.

    Commands are never retried by the client: a lost reply must be seen by the caller, who knows what may be repeated.
    """
    return _connect(url, os.getpid())


@lru_cache(maxsize=32)
def _connect(url: str, _pid: int) -> Redis:
    return new_client(
        url,
        decode_responses=True,
        encoding_errors="replace",  # a foreign job with broken UTF-8 must fail alone, not break the reply it is in
        socket_connect_timeout=5,
        socket_timeout=15,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 0),
    )


def new_client(url: str, **options: Any) -> Redis:
    """A client with a pool of its own; of a Sentinel service, whatever its master is at each connect.

    ``redis+sentinel://[user:password@]host[:port],…/service[/db][?sentinel_password=…]``, or what redis-py reads.
    """
    if not url.startswith(f"{SENTINEL}://"):
        return Redis.from_url(url, **options)
    address = SentinelAddress.of(url)
    # As impatient with each sentinel: the next one answers for one that is down.
    patience = {name: value for name, value in options.items() if name.startswith("socket_") or name == "retry"}
    sentinels = Sentinel(address.sentinels, sentinel_kwargs={**patience, "password": address.sentinel_password})
    login = {"username": address.username, "password": address.password}
    client: Redis = sentinels.master_for(address.service, db=address.db, **login, **options)
    return client


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """Where a Sentinel service is, and how to sign in there. Errors never show the URL: it may hold a password."""

    sentinels: list[tuple[str, int]]
    service: str
    db: int
    username: str | None
    password: str | None
    sentinel_password: str | None

    @classmethod
    def of(cls, url: str) -> Self:
        """Read the URL. Raises ValueError."""
        parts = urlsplit(url)
        login, _, hosts = parts.netloc.rpartition("@")
        username, _, password = login.partition(":")
        service, _, db = parts.path.strip("/").partition("/")
        if not hosts or not service or not (db or "0").isdecimal():
            raise ValueError(f"a Sentinel URL is {SENTINEL}://host:port,…/service/db; this has {hosts}{parts.path}")
        (sentinel_password,) = parse_qs(parts.query).get("sentinel_password", [None])
        return cls(
            sentinels=[_host_and_port(host) for host in hosts.split(",")],
            service=service,
            db=int(db or 0),
            username=unquote(username) or None,
            password=unquote(password) or None,
            sentinel_password=sentinel_password,
        )


def _host_and_port(text: str) -> tuple[str, int]:
    """IPv6 addresses stand in brackets."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError(f"no host in {text!r}; a sentinel is host:port")
    return parts.hostname, parts.port or SENTINEL_PORT
