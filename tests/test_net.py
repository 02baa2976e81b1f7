"""Outbound requests reach no private address, however it is written, and end in bounded time and size (faults 25)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import pytest

from app.net import Limits, OutboundFailed, OutboundRefused, is_public, send
from app.settings import settings

Reply = Callable[[BaseHTTPRequestHandler], None]

#: What stands for this machine, its networks, or the cloud's own services; {port} is the canary's.
FORMS = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://127.255.255.254:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0x7f.1:{port}/",
    "http://0x7f.0x0.0x0.0x1:{port}/",
    "http://0x7f000001:{port}/",
    "http://0X7F000001:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0177.1:{port}/",
    "http://00000177.0.0.01:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://localhost.localdomain:{port}/",
    "http://ip6-localhost:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[fec0::1]:{port}/",
    "http://[ff02::1]:{port}/",
    "http://[::ffff:169.254.169.254]:{port}/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/latest/meta-data/",
    "http://0251.0376.0251.0376/latest/meta-data/",
    "http://10.0.0.1:{port}/",
    "http://172.16.0.1:{port}/",
    "http://192.168.0.1:{port}/",
    "http://100.64.0.1:{port}/",
    "http://192.0.0.8:{port}/",
    "http://198.18.0.1:{port}/",
    "http://224.0.0.1:{port}/",
    "http://240.0.0.1:{port}/",
    "http://255.255.255.255:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@example.com/",
    "http://@127.0.0.1:{port}/",
    "http://example.com%40127.0.0.1:{port}/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\t/",
    " http://127.0.0.1:{port}/",
    "http://127。0。0。1:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http://127.0.0.1:{port}0000/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "unix:///var/run/docker.sock",
]


@dataclass
class Canary:
    """A server on every address of this machine that counts who connects, and answers as a test says."""

    port: int = 0
    connections: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    reply: Reply = lambda request: say(request, 200)


def say(request: BaseHTTPRequestHandler, status: int, body: bytes = b"{}", **headers: str) -> None:
    """A whole answer."""
    request.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


@pytest.fixture
def canary() -> Iterator[Canary]:
    """Listens on IPv6 and IPv4 alike."""
    listening = Canary()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listening.asked.append((self.path, dict(self.headers)))
            listening.reply(self)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6

        def server_bind(self) -> None:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            super().server_bind()

        def verify_request(self, *_: object) -> bool:
            listening.connections += 1
            return True

    with Server(("::", 0), Handler) as server:
        listening.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield listening
        server.shutdown()
        serving.join()


@pytest.fixture
def allowed(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The canary's base URL, allowed by its name and port: the only private host that is."""
    monkeypatch.setenv("OUTBOUND_PRIVATE_HOSTS", f"source.test:{canary.port}")
    settings.cache_clear()
    yield f"http://source.test:{canary.port}"
    settings.cache_clear()


def here(host: str, port: int) -> Sequence[str]:
    """Every name is this machine."""
    return ["127.0.0.1"]


QUICK = Limits(connect_s=0.2, read_s=0.3, total_s=0.5, body_bytes=1_000)


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_a_private_address_is_connected_to(canary: Canary, form: str) -> None:
    """Refused, or no host at all; the canary hears nothing."""
    with pytest.raises((OutboundRefused, OutboundFailed)):
        send("GET", form.format(port=canary.port), limits=QUICK)

    assert canary.connections == 0


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_hosts_of_the_internet_are_public(address: str) -> None:
    """Otherwise nothing could be called at all."""
    assert is_public(ip_address(address))


def test_a_host_with_one_private_address_among_public_ones_is_refused(canary: Canary) -> None:
    """Which of them a connection takes is not the caller's choice."""
    with pytest.raises(OutboundRefused, match=r"'two\.test' is the private address 127\.0\.0\.1"):
        send(
            "GET", f"http://two.test:{canary.port}/", limits=QUICK, resolve=lambda *_: ["192.0.2.1", "127.0.0.1"][::-1]
        )

    assert canary.connections == 0


def test_a_name_that_changes_its_answer_is_asked_once(canary: Canary) -> None:
    """DNS rebinding: public when it is checked, private when a second look connects."""
    answers = [["203.0.114.1"], ["127.0.0.1"]]

    with pytest.raises(OutboundFailed, match="no connection"):
        send("GET", f"http://rebind.test:{canary.port}/", limits=QUICK, resolve=lambda *_: answers.pop(0))

    assert answers == [["127.0.0.1"]]
    assert canary.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_a_private_address_is_refused(canary: Canary, allowed: str, status: int) -> None:
    """Each hop is checked as the first was; the allowed name is not the address."""
    canary.reply = lambda request: say(request, status, Location=f"http://127.0.0.1:{canary.port}/secret")

    with pytest.raises(OutboundRefused, match=r"private address 127\.0\.0\.1"):
        send("GET", f"{allowed}/", limits=QUICK, resolve=here)

    assert [path for path, _ in canary.asked] == ["/"]


def test_an_allowed_host_is_called_at_the_checked_address_by_its_name(canary: Canary, allowed: str) -> None:
    """The name travels in Host, the connection goes to what was checked."""
    answer = send("GET", f"{allowed}/list?page=2#top", headers={"Authorization": "Bearer t"}, resolve=here)

    [(path, headers)] = canary.asked
    assert (answer.status, answer.json()) == (200, {})
    assert (path, headers["Host"], headers["Authorization"]) == (
        "/list?page=2",
        f"source.test:{canary.port}",
        "Bearer t",
    )


def test_a_redirect_to_another_host_goes_without_the_callers_headers(
    canary: Canary, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may hold a token; on the same host they stay."""
    monkeypatch.setenv("OUTBOUND_PRIVATE_HOSTS", "source.test, other.test")
    settings.cache_clear()
    places = {"/": "/same", "/same": f"http://other.test:{canary.port}/other"}
    canary.reply = lambda request: (
        say(request, 302, Location=places[request.path]) if request.path in places else say(request, 200)
    )

    answer = send("GET", f"{allowed}/", headers={"Authorization": "Bearer t"}, resolve=here)

    assert answer.url == f"http://other.test:{canary.port}/other"
    assert [headers.get("Authorization") for _, headers in canary.asked] == ["Bearer t", "Bearer t", None]


def test_a_post_follows_no_redirect(canary: Canary, allowed: str) -> None:
    """Its body was meant for the host that was named."""
    canary.reply = lambda request: say(request, 307, Location="/elsewhere")

    answer = send("POST", f"{allowed}/", body=b"{}", resolve=here)

    assert (answer.status, len(canary.asked)) == (307, 1)


def test_redirects_end(canary: Canary, allowed: str) -> None:
    """Four requests at most."""
    canary.reply = lambda request: say(request, 302, Location="/")

    with pytest.raises(OutboundRefused, match="more than 3 redirects"):
        send("GET", f"{allowed}/", resolve=here)

    assert len(canary.asked) == 4


def too_long(request: BaseHTTPRequestHandler) -> None:
    """More than was allowed."""
    say(request, 200, b"x" * 1_001)


def cut(request: BaseHTTPRequestHandler) -> None:
    """Less than was said."""
    say(request, 200, b"x", Content_Length="10")


def silent(request: BaseHTTPRequestHandler) -> None:
    """No answer until the other side has gone."""
    request.connection.recv(1)


def compressed(request: BaseHTTPRequestHandler) -> None:
    """Could be any size when it is unfolded."""
    say(request, 200, b"\x1f\x8b", Content_Encoding="gzip")


def endless(request: BaseHTTPRequestHandler) -> None:
    """A byte now and then, never silent for long."""
    request.send_response(200)
    request.end_headers()
    gone = threading.Event()
    while not gone.wait(0.05):
        try:
            request.wfile.write(b"x")
        except OSError:
            gone.set()


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (too_long, "more than 1000 bytes"),
        (cut, "IncompleteRead|ProtocolError"),
        (silent, "ReadTimeoutError"),
        (compressed, "compressed"),
        (endless, r"still sending after 0\.5 s"),
    ],
)
def test_an_answer_is_bounded_in_time_and_size(canary: Canary, allowed: str, reply: Reply, says: str) -> None:
    """Whatever a server sends, the call ends, and says how."""
    canary.reply = reply

    with pytest.raises(OutboundFailed, match=says):
        send("GET", f"{allowed}/", limits=QUICK, resolve=here)
