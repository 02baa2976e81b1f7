"""A local HTTP server that answers as a test tells it to, faults included."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN_PATH = "/auth/o2/token"


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """One answer. ``cut``: the connection is closed after that many bytes of the body, -1 before any answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    cut: int | None = None


Answering = Callable[[Asked], Reply]


def said(value: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; underscores in header names become hyphens."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


def refusal(code: str, status: int, message: str = "no", details: str = "") -> Reply:
    """An error as the Selling Partner API spells it."""
    return said({"errors": [{"code": code, "message": message, "details": details}]}, status)


class Served:
    """Answers by path, in order, the last one again and again; a path nobody taught it is a 404."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[str, list[Reply | Answering]] = {}
        self._lock = threading.Lock()
        self.url = ""
        self.on(TOKEN_PATH, self._grant)

    def on(self, path: str, *answers: Reply | Answering) -> None:
        """Teach it a path."""
        self._answers[path] = list(answers)

    def count(self, path: str) -> int:
        """How often that path was asked."""
        return sum(asked.path == path for asked in self.asked)

    def answer(self, asked: Asked) -> Reply:
        """What to say to a request."""
        with self._lock:
            self.asked.append(asked)
            answers = self._answers.get(asked.path) or [refusal("NotFound", 404)]
            chosen = answers.pop(0) if len(answers) > 1 else answers[0]
        return chosen if isinstance(chosen, Reply) else chosen(asked)

    def _grant(self, _asked: Asked) -> Reply:
        number = self.count(TOKEN_PATH)
        return said({"access_token": f"Atza|token-{number}", "token_type": "bearer", "expires_in": 3600})


@contextmanager
def serve(served: Served) -> Iterator[Served]:
    """The server for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet an answer: two would wait for each other (Nagle, delayed ACK).
        wbufsize = -1

        def do_GET(self) -> None:
            self._exchange()

        def do_POST(self) -> None:
            self._exchange()

        def _exchange(self) -> None:
            place = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = served.answer(
                Asked(self.command, place.path, dict(parse_qsl(place.query)), dict(self.headers), body)
            )
            self.close_connection = reply.cut is not None
            if reply.cut == -1:
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body[: reply.cut])

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
