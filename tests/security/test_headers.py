"""Every answer says how it may be used: by its caller, as what it is, in nobody's frame."""

from __future__ import annotations

from flask.testing import FlaskClient

from app.api.application import HEADERS


def test_every_answer_has_every_header(client: FlaskClient) -> None:
    """Refusals, too."""
    replies = [client.get("/health"), client.get("/nowhere"), client.get("/app/users"), client.get("/docs")]

    for reply in replies:
        assert set(HEADERS) <= set(reply.headers.keys())
        assert "unsafe-inline" not in reply.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in reply.headers
