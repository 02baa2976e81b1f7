"""Report documents: unpacked and decoded by what they are, rather than by what is said of them."""

from __future__ import annotations

import re
import zlib
from typing import Any

from app.domains.amazon import decimal_json, http
from app.domains.amazon.errors import AmazonError

_GZIP = b"\x1f\x8b"
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]*encoding=[\"']([\w.:-]+)[\"']")


def download(operation: str, url: str) -> str:
    """The document's text. No token goes along: the URL is the permission.

    Unpacked if it starts with gzip's magic bytes; decoded by its charset (header, then XML declaration), else as
    UTF-8. Raises a transient AmazonError for one that is cut off or undecodable.
    """
    answer = http.send(operation, "GET", url, headers={"Accept-Encoding": "identity"})
    if answer.status != 200:
        # 403 and 404 are an expired URL (five minutes): the next try asks for a new one.
        transient = answer.status in (403, 404, 408, 429) or answer.status >= 500
        raise AmazonError(operation, answer.status, "DocumentUnavailable", "not given out", transient=transient)
    body = _unpacked(operation, answer.body)
    return _decoded(operation, body, answer.headers.get("Content-Type", ""))


def parse(operation: str, text: str) -> Any:
    """A JSON document, its numbers Decimal; a transient AmazonError if it is damaged."""
    try:
        return decimal_json.decode(text)
    except (ValueError, RecursionError):
        raise _damaged(operation, f"not JSON ({len(text)} characters)") from None


def parse_lines(operation: str, text: str) -> list[Any]:
    """JSON Lines: a value a line, blank lines apart."""
    return [parse(operation, line) for line in text.split("\n") if line.strip()]


def _unpacked(operation: str, body: bytes) -> bytes:
    if not body.startswith(_GZIP):
        return body
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(body, http.LARGEST_BODY_BYTES)
    except zlib.error:
        raise _damaged(operation, f"its gzip is damaged ({len(body)} bytes)") from None
    if not unpacker.eof:
        raise _damaged(operation, f"its gzip is cut off, or too large, after {len(body)} bytes")
    return unpacked


def _decoded(operation: str, body: bytes, content_type: str) -> str:
    charset = "utf-8-sig"
    if named := _CHARSET.search(content_type):
        charset = named[1]
    elif declared := _XML_ENCODING.match(body):
        charset = declared[1].decode()
    if charset.lower() == "utf-8":
        charset = "utf-8-sig"
    try:
        return body.decode(charset)
    except (UnicodeDecodeError, LookupError):
        raise _damaged(operation, f"its text is not {charset}") from None


def _damaged(operation: str, what: str) -> AmazonError:
    return AmazonError(operation, 200, "DamagedDocument", what, transient=True)
