"""Clients that send too much, nonsense, or a byte at a time: refused, and they cost the server no memory."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest
import requests

from app.api.input import MAX_BODY_BYTES
from tests.acceptance.system import running_system
from tests.web import Web

PATH = "/auth/token"
MOST_GROWTH_MB = 20
#: More than gunicorn has threads.
SLOW_CLIENTS = 200
REFUSED = (
    b"[" * 30_000 + b"]" * 30_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"email": NaN}',
    b'{"email": "a\\u0000b"}',
    b'{"email": "\\ud800"}',
    b'"\xed\xa0\x80"',
)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The API as production serves it, warm."""
    with pytest.MonkeyPatch.context() as patch, running_system(tmp_path_factory.mktemp("web"), patch) as system:
        web = system.start_web()
        for _ in range(100):
            post(web, b"{}")
        yield web


def post(web: Web, body: bytes | Iterable[bytes]) -> int:
    """The status that a sender of this body is answered with."""
    return requests.post(web.url + PATH, data=body, headers={"Connection": "close"}, timeout=30).status_code


def memory_mb(web: Web) -> dict[int, float]:
    """Resident memory of each process that answers."""
    return {child.pid: child.memory_info().rss / 1e6 for child in web.master.children()}


def growth_mb(web: Web, before: dict[int, float]) -> float:
    """By how much the process that grew most has grown; each must still be there."""
    after = memory_mb(web)
    assert after.keys() == before.keys()
    return max(after[pid] - before[pid] for pid in after)


def test_nonsense_and_floods_are_refused_and_leave_no_memory_behind(web: Web) -> None:
    """Each with its status, also a body that says no length and never ends."""
    before = memory_mb(web)

    nonsense = {post(web, body) for body in REFUSED for _ in range(20)}
    deep = {post(web, b"[" * 100_000 + b"]" * 100_000) for _ in range(20)}
    announced = {post(web, b" " * 20_000_000) for _ in range(5)}
    in_chunks = {post(web, (b" " * MAX_BODY_BYTES for _ in range(100))) for _ in range(20)}

    assert (nonsense, deep, announced, in_chunks) == ({400}, {413}, {413}, {413})
    assert growth_mb(web, before) < MOST_GROWTH_MB


@pytest.mark.parametrize(
    "sent", [b"", b"POST /auth/token HT", b"POST /auth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"]
)
def test_clients_that_never_end_their_request_leave_no_memory_behind(web: Web, sent: bytes) -> None:
    """More of them than there are threads; when they have gone, others are answered as before."""
    before = memory_mb(web)

    with slow_clients(web, sent):
        grown = growth_mb(web, before)
    answered = post(web, b"{}")

    assert (answered, max(grown, growth_mb(web, before)) < MOST_GROWTH_MB) == (400, True)


@contextmanager
def slow_clients(web: Web, sent: bytes) -> Iterator[None]:
    """So many have sent that much of a request, and leave the rest for later."""
    address = urlsplit(web.url)
    with ExitStack() as opened:
        for _ in range(SLOW_CLIENTS):
            client = opened.enter_context(socket.create_connection((address.hostname, address.port), timeout=30))
            client.sendall(sent)
        yield
