"""One HTTP exchange: bounded in time and size, and every way it can break named."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from app.domains.amazon import decimal_json
from app.domains.amazon.errors import AmazonError

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
# A server that sends a byte now and then would never run into the read timeout.
TOTAL_TIMEOUT_S = 120
LARGEST_BODY_BYTES = 256 * 1024 * 1024
_USER_AGENT = "Toril/0.1 (Language=Python)"
_CHUNK_BYTES = 64 * 1024
_sessions = threading.local()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end."""

    operation: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body with Decimal numbers; a transient AmazonError if it is not JSON (an error page, a cut answer)."""
        try:
            return decimal_json.decode(self.body)
        except (ValueError, RecursionError):
            kind = self.headers.get("Content-Type", "no content type")
            what = f"not JSON but {len(self.body)} bytes of {kind}" if self.body else "an empty body"
            raise AmazonError(self.operation, self.status, "MalformedBody", what, transient=True) from None


def send(
    operation: str,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    data: bytes | Mapping[str, str] | None = None,
) -> Answer:
    """The answer, whatever its status; a transient AmazonError if none came whole.

    Redirects are not followed: they would take the token header to another host.
    """
    try:
        with _session().request(
            method,
            url,
            headers=dict(headers or {}),
            params=dict(params or {}),
            data=data,
            timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
            allow_redirects=False,
            stream=True,
        ) as response:
            body = _read(operation, response)
            return Answer(operation, response.status_code, response.headers, body)
    except requests.RequestException as error:
        # Not chained: the exception's text holds the URL, and a document's URL is a secret.
        raise AmazonError(operation, None, type(error).__name__, _cause(error), transient=True) from None


def take(operation: str, answer: Any, name: str) -> Any:
    """A field that must be there; a transient AmazonError naming it if it is not."""
    value = answer.get(name) if isinstance(answer, dict) else None
    if value is None:
        raise AmazonError(operation, 200, "MalformedBody", f"no {name} in the answer", transient=True)
    return value


def _read(operation: str, response: requests.Response) -> bytes:
    deadline = time.monotonic() + TOTAL_TIMEOUT_S
    parts: list[bytes] = []
    size = 0
    for chunk in response.iter_content(_CHUNK_BYTES):
        parts.append(chunk)
        size += len(chunk)
        if size > LARGEST_BODY_BYTES:
            what = f"more than {LARGEST_BODY_BYTES} bytes"
            raise AmazonError(operation, response.status_code, "BodyTooLarge", what, transient=False)
        if time.monotonic() > deadline:
            what = f"still sending after {TOTAL_TIMEOUT_S} s"
            raise AmazonError(operation, response.status_code, "TooSlow", what, transient=True)
    return b"".join(parts)


def _session() -> requests.Session:
    """This thread's session: connections are kept, and none is shared between threads."""
    session: requests.Session | None = getattr(_sessions, "session", None)
    if session is None:
        session = requests.Session()
        session.headers["User-Agent"] = _USER_AGENT
        _sessions.session = session
    return session


def _cause(error: requests.RequestException) -> str:
    if isinstance(next(iter(error.args), None), urllib3.exceptions.ReadTimeoutError):
        return f"nothing came for {READ_TIMEOUT_S} s in the middle of the answer"
    causes: tuple[tuple[type[requests.RequestException], str], ...] = (
        (requests.ConnectTimeout, f"no connection within {CONNECT_TIMEOUT_S} s"),
        (requests.ReadTimeout, f"no answer within {READ_TIMEOUT_S} s"),
        (requests.exceptions.SSLError, "the TLS handshake failed"),
        (requests.exceptions.ProxyError, "the proxy refused"),
        (requests.exceptions.ChunkedEncodingError, "the answer was cut off"),
        (requests.exceptions.ContentDecodingError, "the answer's compression is damaged"),
        (requests.ConnectionError, "the connection was refused or cut"),
    )
    return next((text for kind, text in causes if isinstance(error, kind)), "the request could not be sent")
