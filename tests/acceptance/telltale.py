"""A server that gives away what it was sent: its answers quote the path, the headers and the body of each request."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Telltale(BaseHTTPRequestHandler):
    """Refuses with 401 under /refuse and 503 under /away; otherwise its status is none that could be read."""

    def do_GET(self) -> None:
        """An answer that quotes it all."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
        sent = {"path": self.path, "headers": dict(self.headers), "body": body}
        quoted = json.dumps({"error": sent, "records": [{"id": sent, "status": str(sent)}]}).encode()
        status = {"refuse": 401, "away": 503}.get(self.path.split("/")[1], 200)
        self.send_response(status, self.path.replace("\n", " "))
        self.send_header("X-You-Sent", self.headers.get("Authorization", ""))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(quoted)))
        self.end_headers()
        self.wfile.write(quoted)

    def do_POST(self) -> None:
        """The same."""
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


@contextmanager
def telltale() -> Iterator[str]:
    """Its address, without a scheme."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Telltale)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
