"""A place of one's own for messages: queues, keys, and servers that take them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app import db
from app.alerts import channels
from app.broker.queue import Queue
from app.settings import settings
from tests.jobs import conftest as jobs
from tests.ledger.figures.ended import NINE
from tests.smtp import mailbox

__all__ = ["mailbox"]
queue = jobs.queue


@dataclass
class Hook:
    """A web server that takes what is posted, or answers otherwise."""

    port: int = 0
    status: int = 200
    answer: bytes = b"{}"
    location: str = ""
    posted: list[Any] = field(default_factory=list)


@pytest.fixture
def hook(queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    """It stands for web hooks and SMS gateways; its port is the one private address that may be called."""
    taken = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.posted.append(json.loads(body))
            self.send_response(taken.status)
            if taken.location:
                self.send_header("Location", taken.location)
            self.send_header("Content-Length", str(len(taken.answer)))
            self.end_headers()
            self.wfile.write(taken.answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("TORIL_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("OUTBOUND_PRIVATE_HOSTS", f"127.0.0.1:{taken.port}")
    settings.cache_clear()
    yield taken
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def channel() -> Callable[..., str]:
    """Adds a channel; gives its id."""

    def add(url: str, name: str = "ops", at: datetime = NINE) -> str:
        with db.session() as session:
            return channels.add(session, name, url, by="1", at=at).id

    return add
